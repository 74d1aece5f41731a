//! Nodes of this process on the hosts of a lab, and bytes between them that are looked at while they
//! come.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use stt::{Group, Node, NodeBuilder, PathKind, RelayLimits, Session, Target};
use stt_lab::Host;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::transfer::pattern;

/// Where members that others are to find listen.
pub(crate) const PORT: u16 = 7_000;

/// What must happen at some time happens within this.
const PATIENCE: Duration = Duration::from_secs(60);

/// A node on a thread of its host, with a runtime there. It is shut down when it is dropped.
pub(crate) struct Member {
    pub(crate) node: Node,
    inside: Handle,
    thread: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Member {
    pub(crate) fn start(host: &Host, builder: NodeBuilder) -> Self {
        let (told, hear) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let live = move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let node = builder.start().await.unwrap();
                told.send((node.clone(), Handle::current())).unwrap();
                let _ = stopped.await;
                node.shutdown(Duration::ZERO).await;
            });
        };
        let thread = host.spawn(live).unwrap();
        let (node, inside) = hear.recv().unwrap();
        Self {
            node,
            inside,
            thread: Some((stop, thread)),
        }
    }

    /// One that is found at [`PORT`] of its host, and relays for others.
    pub(crate) fn relay(host: &Host, group: &Group) -> Self {
        let builder = listening(group, PORT).relay(RelayLimits::default());
        Self::start(host, builder)
    }

    /// Does something on the member's thread, and returns at once.
    pub(crate) fn begin<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> mpsc::Receiver<T> {
        let (told, hear) = mpsc::channel();
        drop(self.inside.spawn(async move {
            let _ = told.send(work.await);
        }));
        hear
    }

    /// Does something on the member's thread.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        self.begin(work).recv_timeout(PATIENCE).unwrap()
    }

    pub(crate) fn connect(&self, target: impl Into<Target>) -> Session {
        let (node, target) = (self.node.clone(), target.into());
        self.run(async move { node.connect(target).await.unwrap() })
    }

    /// Uses a relay from now on.
    pub(crate) fn register(&self, relay: SocketAddr) {
        let node = self.node.clone();
        assert!(self.run(async move { node.use_relay(relay).registered().await }));
    }

    /// The session that this peer has begun.
    fn accept(&self, peer: &Self) -> Session {
        let (node, peer) = (self.node.clone(), peer.node.id());
        self.run(async move {
            loop {
                let session = node.accept().await.unwrap();
                if session.peer() == peer {
                    return session;
                }
            }
        })
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.thread.take() {
            let _ = stop.send(());
            let _ = thread.join();
        }
    }
}

/// A node at this port of all IPv4 addresses; 0 is any.
pub(crate) fn listening(group: &Group, port: u16) -> NodeBuilder {
    Node::builder(group.clone()).bind((Ipv4Addr::UNSPECIFIED, port).into())
}

pub(crate) fn at(host: &Host) -> SocketAddr {
    (host.ipv4(), PORT).into()
}

/// A session at both its ends: first the dialler's.
pub(crate) struct Pair {
    pub(crate) members: [Member; 2],
    pub(crate) sessions: [Session; 2],
}

impl Pair {
    pub(crate) fn join(members: [Member; 2], target: impl Into<Target>) -> Self {
        let near = members[0].connect(target);
        let far = members[1].accept(&members[0]);
        Self {
            members,
            sessions: [near, far],
        }
    }

    pub(crate) fn kinds(&self) -> [PathKind; 2] {
        [0, 1].map(|side| self.sessions[side].stats().path.kind)
    }

    /// How long it takes until both sides send by this kind of path; `None` if they do not in time.
    pub(crate) fn time_to(&self, kind: PathKind, limit: Duration) -> Option<Duration> {
        let started = Instant::now();
        while self.kinds() != [kind; 2] {
            if started.elapsed() > limit {
                return None;
            }
            thread::sleep(Duration::from_millis(2));
        }
        Some(started.elapsed())
    }

    pub(crate) fn until(&self, kind: PathKind) {
        let took = self.time_to(kind, PATIENCE);
        assert!(took.is_some(), "by {:?}, not {kind:?}", self.kinds());
    }

    /// Moves so many bytes each way, one way after the other.
    pub(crate) fn transfer(&self, bytes: u64) {
        for sender in [0, 1] {
            let flow = self.flow(sender);
            flow.until(bytes);
            flow.end();
        }
    }

    /// Bytes from one of the two to the other, as fast as they go, until they are told to end.
    pub(crate) fn flow(&self, sender: usize) -> Flow {
        let [from, to] = [sender, 1 - sender];
        let (came, shall_end) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let stop = shall_end.clone();
        let session = self.sessions[from].clone();
        let sent = self.members[from].begin(async move {
            let mut stream = session.open_uni().await.unwrap();
            let (piece, mut sent) = (piece(), 0);
            while !stop.load(Relaxed) {
                stream.write_all(&piece).await.unwrap();
                sent += piece.len() as u64;
            }
            stream.finish().unwrap();
            sent
        });
        let (session, count) = (self.sessions[to].clone(), came.clone());
        let pause = self.members[to].begin(async move {
            let mut stream = session.accept_uni().await.unwrap();
            let (piece, mut at) = (piece(), 0);
            let (mut last, mut pause) = (Instant::now(), Duration::ZERO);
            while let Some(bytes) = stream.read_bytes(piece.len()).await.unwrap() {
                let (until_end, again) = bytes.split_at(bytes.len().min(piece.len() - at));
                let is_as_sent = piece[at..].starts_with(until_end) && piece.starts_with(again);
                assert!(is_as_sent, "other bytes came");
                at = (at + bytes.len()) % piece.len();
                count.fetch_add(bytes.len() as u64, Relaxed);
                pause = pause.max(last.elapsed());
                last = Instant::now();
            }
            pause
        });
        Flow {
            came,
            shall_end,
            sent,
            pause,
        }
    }
}

/// What is sent over and over. Its length is prime, so that no packet is like another.
fn piece() -> Vec<u8> {
    pattern(65_521)
}

/// Bytes on their way.
pub(crate) struct Flow {
    came: Arc<AtomicU64>,
    shall_end: Arc<AtomicBool>,
    sent: mpsc::Receiver<u64>,
    pause: mpsc::Receiver<Duration>,
}

impl Flow {
    /// Waits for so many bytes more.
    pub(crate) fn until(&self, more: u64) {
        let (started, before) = (Instant::now(), self.came.load(Relaxed));
        while self.came.load(Relaxed) < before + more {
            let waited = started.elapsed();
            assert!(waited < PATIENCE, "{waited:?}, {:?}", self.came);
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Ends it, with every byte there, and says for how long at most nothing came.
    pub(crate) fn end(self) -> Duration {
        self.shall_end.store(true, Relaxed);
        let sent = self.sent.recv_timeout(PATIENCE).unwrap();
        let pause = self.pause.recv_timeout(PATIENCE).unwrap();
        assert_eq!(self.came.load(Relaxed), sent);
        pause
    }
}
