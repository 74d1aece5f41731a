//! Members behind each pair of NATs, with a session through a relay: which find a direct way, and how
//! soon.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use stt::{Group, Node, NodeId, PathKind, RelayLimits, Session, SystemEntropy, Target};
use stt_lab::{Host, Lab, NatKind};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use crate::lab;

const KINDS: [(&str, Option<NatKind>); 4] = [
    ("public", None),
    ("easy", Some(NatKind::EASY)),
    ("moderate", Some(NatKind::MODERATE)),
    ("strict", Some(NatKind::STRICT)),
];

const PORT: u16 = 7_000;

/// Many ports at once take twelve seconds at most, after one for plain probes.
const LIMIT: Duration = Duration::from_secs(20);
const HOPELESS: Duration = Duration::from_secs(4);

/// Runs on a host, on one thread: sockets belong to the host on whose thread they are opened.
fn on<T: Send + 'static, F: Future<Output = T>>(
    host: &Host,
    work: impl FnOnce() -> F + Send + 'static,
) -> JoinHandle<T> {
    let run = move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(work())
    };
    host.spawn(run).unwrap()
}

/// A public member: a relay, as it happens.
struct Public {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Public {
    fn start(host: &Host, group: &Group) -> Self {
        let address = SocketAddr::from((host.ipv4(), PORT));
        let (stop, stopped) = oneshot::channel();
        let (started, is_started) = mpsc::channel();
        let group = group.clone();
        let thread = on(host, move || async move {
            let builder = Node::builder(group).bind((Ipv4Addr::UNSPECIFIED, PORT).into());
            let node = builder.relay(RelayLimits::default()).start().await.unwrap();
            started.send(()).unwrap();
            let _ = stopped.await;
            node.shutdown(Duration::ZERO).await;
        });
        is_started.recv().unwrap();
        Self {
            address,
            stop,
            thread,
        }
    }

    fn stop(self) {
        let _ = self.stop.send(());
        self.thread.join().unwrap();
    }
}

async fn member(group: Group, [relay, other]: [SocketAddr; 2]) -> Node {
    let builder = Node::builder(group).bind((Ipv4Addr::UNSPECIFIED, 0).into());
    let node = builder.start().await.unwrap();
    assert!(node.use_relay(relay).registered().await);
    node.connect(other).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    node
}

async fn time_to_direct(session: &Session, limit: Duration) -> Option<Duration> {
    let started = Instant::now();
    while session.stats().path.kind != PathKind::Udp {
        if started.elapsed() > limit {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Some(started.elapsed())
}

/// Bytes that the dialler sends.
const SENT: usize = 300_000;

/// Says who it is, and takes what the first session brings.
async fn accept(node: Node, told: mpsc::Sender<NodeId>) -> Vec<u8> {
    told.send(node.id()).unwrap();
    let session = node.accept().await.unwrap();
    let mut stream = session.accept_uni().await.unwrap();
    let bytes = stream.read_to_end(1 << 20).await.unwrap();
    session.closed().await;
    node.shutdown(Duration::ZERO).await;
    bytes
}

fn host(lab: &Lab, name: &str, kind: Option<NatKind>) -> Host {
    match kind {
        None => lab.host_public(name).unwrap(),
        Some(kind) => {
            let nat = lab.nat(&format!("{name}nat"), kind).unwrap();
            lab.host_behind(name, &nat).unwrap()
        }
    }
}

fn time_between(lab: &Lab, kinds: [Option<NatKind>; 2], limit: Duration) -> Option<Duration> {
    let group = Group::generate(&mut SystemEntropy);
    let (first, second) = (
        lab.host_public("relay").unwrap(),
        lab.host_public("other").unwrap(),
    );
    let publics = [&first, &second].map(|host| Public::start(host, &group));
    let known = [publics[0].address, publics[1].address];
    let (from, to) = (host(lab, "from", kinds[0]), host(lab, "to", kinds[1]));
    let (told, who) = mpsc::channel();
    let of_group = group.clone();
    let accepting = on(&to, move || async move {
        accept(member(of_group, known).await, told).await
    });
    let peer = who.recv().unwrap();
    let dialling = on(&from, move || async move {
        let node = member(group, known).await;
        let target = Target::relayed(known[0], peer);
        let session = node.connect(target).await.unwrap();
        let took = time_to_direct(&session, limit).await;
        let mut stream = session.open_uni().await.unwrap();
        stream.write_all(&vec![7; SENT]).await.unwrap();
        stream.finish().unwrap();
        session.close().await.unwrap();
        node.shutdown(Duration::ZERO).await;
        took
    });
    let took = dialling.join().unwrap();
    assert!(accepting.join().unwrap() == vec![7; SENT]);
    publics.into_iter().for_each(Public::stop);
    took
}

#[test]
fn members_behind_any_two_nats_find_a_direct_way_unless_both_are_strict() {
    for (from, kind) in KINDS {
        for (to, other) in KINDS {
            let Some(lab) = lab() else { return };
            let is_hopeless = from == "strict" && to == "strict";
            let limit = if is_hopeless { HOPELESS } else { LIMIT };
            let took = time_between(&lab, [kind, other], limit);
            let _ = writeln!(io::stderr(), "{from} to {to}: {took:?}");
            assert_eq!(took.is_none(), is_hopeless, "{from} to {to}");
        }
    }
}
