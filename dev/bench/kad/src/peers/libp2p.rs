//! libp2p-kad, with libp2p's identify so that members learn each other's addresses, as its book says.
//!
//! A swarm is a task. Everything but the mode, the protocol's name and the time after which idle connections close,
//! which is set to what this project's is, is the default.

use std::collections::{HashMap, HashSet};
use std::io;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use futures::io::{AsyncRead, AsyncWrite};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use libp2p::core::transport::{MemoryTransport, Transport as _};
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::kad::{self, GetProvidersOk, QueryId, QueryResult, RecordKey, store::MemoryStore};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, identify, noise, yamux};
use tokio::sync::{mpsc, oneshot};

use super::{JOINING, Village};
use crate::system;

/// How the bytes go.
pub(crate) trait Way {
    fn swarm(key: Keypair, sent: &Arc<AtomicU64>) -> Result<Swarm<Behaviour>>;

    fn listen() -> Result<Multiaddr>;

    /// Bytes sent so far, by whatever counts them.
    fn sent(counted: &AtomicU64) -> Result<f64>;
}

/// Through memory, encrypted by Noise, in streams of yamux. What is counted is what these make of it.
pub(crate) struct OverMemory;

/// QUIC over UDP on loopback.
pub(crate) struct OverQuic;

#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    kad: kad::Behaviour<MemoryStore>,
    identify: identify::Behaviour,
}

impl Behaviour {
    fn new(key: &Keypair) -> Self {
        let me = key.public().to_peer_id();
        let config = kad::Config::new(StreamProtocol::new("/bench/kad/1"));
        let mut kad = kad::Behaviour::with_config(me, MemoryStore::new(me), config);
        kad.set_mode(Some(kad::Mode::Server));
        let identify = identify::Config::new("/bench/1".to_owned(), key.public());
        Self {
            kad,
            identify: identify::Behaviour::new(identify),
        }
    }
}

impl Way for OverMemory {
    fn swarm(key: Keypair, sent: &Arc<AtomicU64>) -> Result<Swarm<Behaviour>> {
        let sent = Arc::clone(sent);
        let swarm = SwarmBuilder::with_existing_identity(key)
            .with_tokio()
            .with_other_transport(|key| {
                let counted = move |inner, _| Counted {
                    inner,
                    sent: Arc::clone(&sent),
                };
                let transport = MemoryTransport::default()
                    .map(counted)
                    .upgrade(Version::V1)
                    .authenticate(noise::Config::new(key)?)
                    .multiplex(yamux::Config::default());
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(transport)
            })
            .map_err(|error| anyhow::anyhow!("transport: {error}"))?
            .with_behaviour(Behaviour::new)?
            .with_swarm_config(|config| config.with_idle_connection_timeout(IDLE))
            .build();
        Ok(swarm)
    }

    fn listen() -> Result<Multiaddr> {
        Ok("/memory/0".parse()?)
    }

    fn sent(counted: &AtomicU64) -> Result<f64> {
        Ok(counted.load(Relaxed) as f64)
    }
}

impl Way for OverQuic {
    fn swarm(key: Keypair, _: &Arc<AtomicU64>) -> Result<Swarm<Behaviour>> {
        let swarm = SwarmBuilder::with_existing_identity(key)
            .with_tokio()
            .with_quic()
            .with_behaviour(Behaviour::new)?
            .with_swarm_config(|config| config.with_idle_connection_timeout(IDLE))
            .build();
        Ok(swarm)
    }

    fn listen() -> Result<Multiaddr> {
        Ok("/ip4/127.0.0.1/udp/0/quic-v1".parse()?)
    }

    fn sent(_: &AtomicU64) -> Result<f64> {
        system::sent_over_loopback()
    }
}

/// Members, each a swarm in a task.
pub(crate) struct Swarms<W> {
    members: Vec<Member>,
    counted: Arc<AtomicU64>,
    requests: Arc<AtomicU64>,
    before: f64,
    way: PhantomData<W>,
}

struct Member {
    id: PeerId,
    address: Multiaddr,
    commands: mpsc::Sender<Command>,
}

/// What a member is to do, and who waits for it.
struct Command {
    what: What,
    done: oneshot::Sender<Done>,
}

enum What {
    Join(PeerId, Multiaddr),
    Find(PeerId),
    Provide(RecordKey),
    Providers(RecordKey),
}

/// What came of it.
#[derive(Debug, Default)]
struct Done {
    found: HashSet<PeerId>,
    first: Option<Duration>,
    failed: bool,
}

impl<W: Way> Village for Swarms<W> {
    async fn found(count: usize) -> Result<Self> {
        let counted = Arc::new(AtomicU64::new(0));
        let requests = Arc::new(AtomicU64::new(0));
        let before = W::sent(&counted)?;
        let mut members = Vec::new();
        for _ in 0..count {
            let key = Keypair::generate_ed25519();
            let id = key.public().to_peer_id();
            let swarm = W::swarm(key, &counted)?;
            let (address, commands) = start::<W>(swarm, Arc::clone(&requests)).await?;
            members.push(Member {
                id,
                address,
                commands,
            });
        }
        let first = members.first().context("nobody")?;
        stream::iter(members.iter().skip(1).map(Ok))
            .try_for_each_concurrent(JOINING, |member| async move {
                let what = What::Join(first.id, first.address.clone());
                let done = member.command(what).await?;
                if done.failed {
                    bail!("nobody answered");
                }
                Ok(())
            })
            .await?;
        Ok(Self {
            members,
            counted,
            requests,
            before,
            way: PhantomData,
        })
    }

    fn sent(&self) -> Result<f64> {
        Ok(W::sent(&self.counted)? - self.before)
    }

    fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    fn knows(&self, _: usize, _: usize) -> bool {
        // It asks, whether it knows or not.
        false
    }

    async fn find(&self, asker: usize, member: usize) -> Result<Option<Duration>> {
        let (began, wanted) = (Instant::now(), self.members[member].id);
        let done = self.members[asker].command(What::Find(wanted)).await?;
        Ok(done.found.contains(&wanted).then(|| began.elapsed()))
    }

    async fn provide(&self, provider: usize, key: [u8; 32]) -> Result<bool> {
        let what = What::Provide(RecordKey::new(&key));
        let done = self.members[provider].command(what).await?;
        Ok(!done.failed)
    }

    async fn providers(
        &self,
        asker: usize,
        provider: usize,
        key: [u8; 32],
    ) -> Result<Option<Duration>> {
        let what = What::Providers(RecordKey::new(&key));
        let done = self.members[asker].command(what).await?;
        let wanted = self.members[provider].id;
        Ok(done.first.filter(|_| done.found.contains(&wanted)))
    }
}

impl Member {
    async fn command(&self, what: What) -> Result<Done> {
        let (done, answer) = oneshot::channel();
        let sent = self.commands.send(Command { what, done }).await;
        sent.ok().context("the swarm is over")?;
        answer.await.context("the swarm is over")
    }
}

/// Begins to listen, and goes on in a task.
async fn start<W: Way>(
    mut swarm: Swarm<Behaviour>,
    requests: Arc<AtomicU64>,
) -> Result<(Multiaddr, mpsc::Sender<Command>)> {
    swarm.listen_on(W::listen()?)?;
    let address = loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            break address;
        }
    };
    swarm.add_external_address(address.clone());
    let (commands, mut waiting) = mpsc::channel(16);
    tokio::spawn(async move {
        let mut running = HashMap::new();
        loop {
            tokio::select! {
                command = waiting.recv() => match command {
                    Some(command) => begin(&mut swarm, command, &mut running),
                    None => return,
                },
                event = swarm.select_next_some() => match event {
                    SwarmEvent::Behaviour(BehaviourEvent::Kad(event)) => {
                        progress(event, &mut running, &requests);
                    }
                    SwarmEvent::Behaviour(BehaviourEvent::Identify(event)) => {
                        learn(&mut swarm, event);
                    }
                    _ => {}
                },
            }
        }
    });
    Ok((address, commands))
}

/// A query under way.
struct Running {
    began: Instant,
    so_far: Done,
    done: oneshot::Sender<Done>,
}

fn begin(swarm: &mut Swarm<Behaviour>, command: Command, running: &mut HashMap<QueryId, Running>) {
    let kad = &mut swarm.behaviour_mut().kad;
    let query = match command.what {
        What::Join(peer, address) => {
            kad.add_address(&peer, address);
            kad.bootstrap().ok()
        }
        What::Find(peer) => Some(kad.get_closest_peers(peer)),
        What::Provide(key) => kad.start_providing(key).ok(),
        What::Providers(key) => Some(kad.get_providers(key)),
    };
    let query_of = Running {
        began: Instant::now(),
        so_far: Done::default(),
        done: command.done,
    };
    match query {
        Some(query) => {
            running.insert(query, query_of);
        }
        None => query_of.end(true),
    }
}

/// Members' addresses come by identify alone.
fn learn(swarm: &mut Swarm<Behaviour>, event: identify::Event) {
    if let identify::Event::Received { peer_id, info, .. } = event {
        for address in info.listen_addrs {
            swarm.behaviour_mut().kad.add_address(&peer_id, address);
        }
    }
}

fn progress(event: kad::Event, running: &mut HashMap<QueryId, Running>, requests: &AtomicU64) {
    let kad::Event::OutboundQueryProgressed {
        id,
        result,
        stats,
        step,
    } = event
    else {
        return;
    };
    let has_failed = match (result, running.get_mut(&id)) {
        (QueryResult::GetClosestPeers(Ok(closest)), Some(query)) => {
            let peers = closest.peers.into_iter().map(|peer| peer.peer_id);
            query.so_far.found.extend(peers);
            false
        }
        (
            QueryResult::GetProviders(Ok(GetProvidersOk::FoundProviders { providers, .. })),
            Some(query),
        ) => {
            if !providers.is_empty() {
                query.so_far.first.get_or_insert(query.began.elapsed());
            }
            query.so_far.found.extend(providers);
            false
        }
        (QueryResult::GetProviders(Ok(_)), _) => false,
        (QueryResult::Bootstrap(result), _) => result.is_err(),
        (QueryResult::StartProviding(result), _) => result.is_err(),
        (_, _) => true,
    };
    if step.last {
        requests.fetch_add(u64::from(stats.num_requests()), Relaxed);
        if let Some(query) = running.remove(&id) {
            query.end(has_failed);
        }
    }
}

impl Running {
    fn end(mut self, failed: bool) {
        self.so_far.failed = failed;
        // Whoever asked may be gone.
        let _ = self.done.send(self.so_far);
    }
}

/// Counts what is written.
struct Counted<T> {
    inner: T,
    sent: Arc<AtomicU64>,
}

impl<T: AsyncRead + Unpin> AsyncRead for Counted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Counted<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, buffer);
        if let Poll::Ready(Ok(count)) = &written {
            self.sent.fetch_add(*count as u64, Relaxed);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(cx)
    }
}

/// How long a connection stays that nobody uses.
const IDLE: Duration = Duration::from_secs(60);
