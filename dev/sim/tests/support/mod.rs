//! Two hosts, their network, and engine endpoints on them: all that an end-to-end test needs.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

pub(crate) mod bare;
pub(crate) mod doors;
mod keys;
mod session;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use noq::{
    ClientConfig, Connection, ConnectionId, ConnectionIdGenerator, Endpoint, EndpointConfig,
    ServerConfig, TransportConfig, VarInt,
};
use stt_sim::{Link, Net, Sim, SimEntropy};

use keys::NullCrypto;

pub(crate) const MIB: usize = 1 << 20;
pub(crate) const CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 4001);
pub(crate) const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 4002);
pub(crate) const CLIENT_V6: SocketAddr = SocketAddr::new(IpAddr::V6(host_v6(1)), 4001);
pub(crate) const SERVER_V6: SocketAddr = SocketAddr::new(IpAddr::V6(host_v6(2)), 4002);

const fn host_v6(n: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, n)
}

/// A simulation with a network.
pub(crate) struct World {
    pub(crate) sim: Sim,
    pub(crate) net: Net,
}

impl World {
    pub(crate) fn new(seed: u64, link: Link) -> Self {
        let sim = Sim::new(seed);
        let net = Net::new(&sim, link);
        Self { sim, net }
    }

    /// An endpoint that connects and accepts, with everything random seeded by its address.
    pub(crate) fn endpoint(&self, addr: SocketAddr, transport: TransportConfig) -> Endpoint {
        let mut entropy = self.sim.entropy(&addr.to_string());
        let cids = SeededCids(Arc::new(Mutex::new(
            self.sim.entropy(&format!("{addr} cids")),
        )));
        let transport = Arc::new(transport);

        let mut config = EndpointConfig::new(Arc::new(NullCrypto));
        let own_cids = cids.clone();
        config
            .rng_seed(Some(entropy.bytes()))
            .cid_generator(Arc::new(move || Box::new(own_cids.clone())));

        let mut server = ServerConfig::new(NullCrypto::server(), Arc::new(NullCrypto));
        server
            .transport_config(transport.clone())
            .time_source(Arc::new(self.sim.clone()));

        let mut client = ClientConfig::new(NullCrypto::client());
        client
            .transport_config(transport)
            .initial_dst_cid_provider(Arc::new(move || cids.clone().generate_cid()));

        let socket = self.net.bind(addr).unwrap();
        let runtime = self.sim.runtime();
        let endpoint =
            Endpoint::new_with_abstract_socket(config, Some(server), socket, runtime).unwrap();
        endpoint.set_default_client_config(client);
        endpoint
    }

    /// Two endpoints and a connection between them, seen from both ends.
    pub(crate) async fn connect(&self, transport: fn() -> TransportConfig) -> Pair {
        self.connect_between(CLIENT, SERVER, transport).await
    }

    pub(crate) async fn connect_between(
        &self,
        from: SocketAddr,
        to: SocketAddr,
        transport: fn() -> TransportConfig,
    ) -> Pair {
        let endpoints = [
            self.endpoint(from, transport()),
            self.endpoint(to, transport()),
        ];
        let accepting = endpoints[1].clone();
        let server = self
            .sim
            .spawn(async move { accepting.accept().await.unwrap().await.unwrap() });
        let client = endpoints[0].connect(to, "peer").unwrap().await.unwrap();
        let server = server.await;
        Pair {
            client,
            server,
            endpoints,
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.sim.shutdown();
    }
}

pub(crate) struct Pair {
    pub(crate) client: Connection,
    pub(crate) server: Connection,
    pub(crate) endpoints: [Endpoint; 2],
}

impl Pair {
    /// Sends `len` bytes from the client to the server, checks them, and tells how long it took
    /// until the server had them all.
    pub(crate) async fn transfer(&self, sim: &Sim, len: usize) -> Duration {
        let begin = sim.elapsed();
        let (server, clock) = (self.server.clone(), sim.clone());
        let received = sim.spawn(async move {
            let mut stream = server.accept_uni().await.unwrap();
            let bytes = stream.read_to_end(len).await.unwrap();
            (bytes, clock.elapsed())
        });
        let payload = payload(len);
        let mut stream = self.client.open_uni().await.unwrap();
        stream.write_all(&payload).await.unwrap();
        stream.finish().unwrap();
        let (bytes, end) = received.await;
        assert!(bytes == payload, "what arrived differs from what was sent");
        end.saturating_sub(begin)
    }
}

/// Thirty seconds of patience, no keep-alive.
pub(crate) fn patient() -> TransportConfig {
    let mut config = TransportConfig::default();
    config.max_idle_timeout(Some(VarInt::from_u32(30_000).into()));
    config
}

fn payload(len: usize) -> Vec<u8> {
    let mut payload = vec![0; len];
    Sim::new(0).entropy("payload").fill(&mut payload);
    payload
}

#[derive(Clone)]
struct SeededCids(Arc<Mutex<SimEntropy>>);

impl ConnectionIdGenerator for SeededCids {
    fn generate_cid(&mut self) -> ConnectionId {
        ConnectionId::new(&self.0.lock().unwrap().bytes::<8>())
    }

    fn cid_len(&self) -> usize {
        8
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}
