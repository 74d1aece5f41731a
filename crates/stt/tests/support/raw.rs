//! A member that holds the seed and speaks the engine's language directly: it keeps the handshake
//! and breaks whatever it likes after it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use noq::{Connection, ConnectionError};
use stc::{NodeSeed, handshake::HandshakeContext};
use stt::{BridgeOptions, By, CloseReason, EventEmitter};
use stt_sim::Link;

use super::{World, address};
use crate::{
    limits::Limits,
    transport::{
        crypto::DoorKeys,
        endpoint::{Endpoint, EndpointSetup},
        link::Link as Ground,
        platform::Platform,
        socket::DroppedDatagrams,
    },
};

pub struct RawMember {
    endpoint: Endpoint,
    seed: Arc<stc::SeedKeys>,
    door: Arc<DoorKeys>,
    pub id: stc::NodeId,
}

impl RawMember {
    /// A member of the world's group on host `10.0.0.<host>`.
    pub fn new(world: &World, host: u8) -> Self {
        let name = format!("raw member {host}");
        let identity = NodeSeed::from_bytes(world.sim.entropy(&name).bytes()).identity();
        let entropy = world.sim.entropy(&format!("{name} platform")).into_fn();
        let (id, door) = (identity.node_id(), Arc::new(DoorKeys::default()));
        let setup = EndpointSetup {
            platform: Platform::simulated(world.sim.runtime(), world.net.binder(), entropy),
            limits: Limits::default(),
            handshake: Arc::new(HandshakeContext::new(Arc::new(identity))),
            door: Arc::clone(&door),
            dropped: Arc::new(DroppedDatagrams::default()),
        };
        let link = Ground::new(&setup.platform);
        let socket = setup.platform.bind(address(host)).unwrap();
        link.add_socket(socket).unwrap();
        Self {
            endpoint: Endpoint::start(link, &setup).unwrap(),
            seed: world.group.newest_seed(),
            door,
            id,
        }
    }

    /// The next connection of a member that dials, with our control stream open on it.
    pub async fn accept(&self) -> (Connection, noq::SendStream) {
        self.door.set(vec![Arc::clone(&self.seed)]);
        let incoming = self.endpoint.incoming().await.unwrap();
        let connection = incoming.accept().unwrap().await.unwrap();
        let control = open(&connection, CONTROL).await;
        (connection, control)
    }

    /// An authenticated connection on which nothing was said yet.
    pub async fn dial(&self, to: SocketAddr) -> Connection {
        let dialled = self.endpoint.dial(to, Arc::clone(&self.seed), None).await;
        dialled.unwrap().0
    }

    /// A connection with its control stream open, which is what makes it a session.
    pub async fn session(&self, to: SocketAddr) -> (Connection, noq::SendStream) {
        let connection = self.dial(to).await;
        let control = open(&connection, CONTROL).await;
        (connection, control)
    }
}

/// Opens a one-way stream and writes `first` to it.
pub async fn open(connection: &Connection, first: &[u8]) -> noq::SendStream {
    let mut stream = connection.open_uni().await.unwrap();
    stream.write_all(first).await.unwrap();
    stream
}

/// A frame of a type and a payload of less than 16 KiB.
pub fn frame(frame_type: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![frame_type];
    bytes.extend(int(payload.len() as u64));
    bytes.extend_from_slice(payload);
    bytes
}

/// An integer in its shortest form.
pub fn int(value: u64) -> Vec<u8> {
    match value {
        0..0x40 => vec![value as u8],
        0x40..0x4000 => (value as u16 | 0x4000).to_be_bytes().to_vec(),
        0x4000..0x4000_0000 => (value as u32 | 0x8000_0000).to_be_bytes().to_vec(),
        _ => (value | 0xc000_0000_0000_0000).to_be_bytes().to_vec(),
    }
}

/// Several integers in a row.
pub fn ints(values: &[u64]) -> Vec<u8> {
    values.iter().flat_map(|value| int(*value)).collect()
}

/// What a stream says first to be the control stream.
pub const CONTROL: &[u8] = &[0x01, 1, 0x00];

/// What a stream says first to be one of users' frames.
pub const USER_FRAMES: &[u8] = &[0x01, 1, 0x01];

/// What a stream says first to be one of events.
pub const EVENTS: &[u8] = &[0x01, 1, 0x05];

/// What a stream says first to be a data stream.
pub const DATA: &[u8] = &[0x01, 2, 0x02, 0x00];

/// What a stream says first to be the first lane.
pub const LANE: &[u8] = &[0x01, 2, 0x03, 0x00];

/// What a stream says first to be an endpoint stream.
pub const ENDPOINT: &[u8] = &[0x01, 1, 0x04];

/// Codes with which a session is closed.
pub const PROTOCOL_VIOLATION: u64 = 0x03;
pub const LIMIT_EXCEEDED: u64 = 0x04;

/// Lets a raw member open a stream of each first kind and write what follows, and expects each to be
/// a breach as [`assert_breach`] does.
pub fn assert_each_is_a_breach<'a>(
    code: u64,
    streams: impl IntoIterator<Item = (&'a [u8], Vec<u8>)>,
) {
    for (first, second) in streams {
        assert_breach(code, |connection| async move {
            let mut stream = open(&connection, first).await;
            stream.write_all(&second).await.unwrap();
            vec![stream]
        });
    }
}

/// Lets a raw member break a rule and expects it to be told so with `code`.
pub fn assert_breach<F>(code: u64, breach: impl FnOnce(Connection) -> F)
where
    F: Future<Output = Vec<noq::SendStream>>,
{
    let world = World::new(2, Link::lan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let node = world.node(1).await;
        let raw = RawMember::new(&world, 3);
        let (connection, _control) = raw.session(address(1)).await;
        let session = node.accept().await.unwrap();
        let emitter = EventEmitter::new();
        emitter.bridge(&session, BridgeOptions::new()).unwrap();
        let kept = breach(connection.clone()).await;
        let closed = sim
            .timeout(Duration::from_secs(2), connection.closed())
            .await;
        let closed = closed.expect("the breach is noticed at once");
        let ConnectionError::ApplicationClosed(closed) = closed else {
            panic!("{closed}");
        };
        assert_eq!(u64::from(closed.error_code), code);
        assert!(closed.reason.is_empty());
        let seen = session.closed().await;
        let expected = match code {
            LIMIT_EXCEEDED => CloseReason::AtLimit { by: By::Us },
            _ => CloseReason::Violation { by: By::Us },
        };
        assert_eq!(seen, expected);
        drop(kept);
    });
    sim.shutdown();
}
