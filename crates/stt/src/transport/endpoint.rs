//! The engine on a node's socket: dials out, and hands up what others begin.

use std::{fmt, io, net::SocketAddr, sync::Arc};

use noq::{
    ClientConfig, Connecting, Connection, ConnectionError, Incoming, NetworkChangeHint,
    ServerConfig, TransportConfig,
};
use noq_proto::{ConnectError, FourTuple, PathId};
use stc::{
    NodeId, SeedKeys,
    handshake::{HandshakeContext, HandshakeError},
    packet::TokenKey,
};

use super::{
    cid::first_connection_id,
    config::{ByKind, endpoint_config, transport_config},
    crypto::{
        AcceptorConfig, Authenticated, DialOutcome, DiallerConfig, DoorKeys, EngineTokenKey, Meters,
    },
    link::{Link, LinkSocket, Place},
    platform::Platform,
    socket::{DroppedDatagrams, SilentSocket, VERSION},
};
use crate::limits::Limits;

/// What the engine of a node is set up with.
pub(crate) struct EndpointSetup {
    pub(crate) platform: Platform,
    pub(crate) limits: Limits,
    pub(crate) handshake: Arc<HandshakeContext>,
    pub(crate) door: Arc<DoorKeys>,
    pub(crate) dropped: Arc<DroppedDatagrams>,
}

/// The engine, and what it stands on.
#[derive(Clone)]
pub(crate) struct Endpoint {
    engine: noq::Endpoint,
    link: Arc<Link>,
    transports: Arc<ByKind<Arc<TransportConfig>>>,
    servers: Arc<ByKind<Arc<ServerConfig>>>,
    handshake: Arc<HandshakeContext>,
    platform: Platform,
}

impl Endpoint {
    /// Starts the engine on `link`.
    ///
    /// A server configuration is always installed, also where nobody shall be let in: without one
    /// the engine answers first packets with stateless resets.
    pub(crate) fn start(link: Arc<Link>, setup: &EndpointSetup) -> io::Result<Self> {
        let platform = &setup.platform;
        let socket = Box::new(LinkSocket::new(Arc::clone(&link)));
        let transports = ByKind::new(|kind| transport_config(&setup.limits, kind));
        let acceptor = AcceptorConfig {
            context: Arc::clone(&setup.handshake),
            door: Arc::clone(&setup.door),
            entropy: platform.entropy(),
        };
        let token_key = EngineTokenKey(TokenKey::new(platform.random()));
        let server = ServerConfig::new(Arc::new(acceptor), Arc::new(token_key));
        let servers = ByKind::new(|kind| {
            let mut server = server.clone();
            server.transport_config(Arc::clone(transports.of(kind)));
            Arc::new(server)
        });
        let engine = noq::Endpoint::new_with_abstract_socket(
            endpoint_config(platform),
            Some(server),
            Box::new(SilentSocket::new(socket, Arc::clone(&setup.dropped))),
            platform.runtime(),
        )?;
        let handshake = Arc::clone(&setup.handshake);
        Ok(Self {
            engine,
            link,
            transports: Arc::new(transports),
            servers: Arc::new(servers),
            handshake,
            platform: platform.clone(),
        })
    }

    /// What it stands on.
    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// Runs the handshake under one seed until the responder's FINAL is verified.
    pub(crate) async fn dial(
        &self,
        remote: SocketAddr,
        seed: Arc<SeedKeys>,
        expected: Option<NodeId>,
    ) -> Result<(Connection, Authenticated), DialFailure> {
        let outcome = DialOutcome::new();
        let connecting = self.start_dial(remote, seed, expected, outcome.clone())?;
        let connection = connecting
            .await
            .map_err(|error| match outcome.take_error() {
                Some(refused) => DialFailure::Refused(refused),
                None => DialFailure::Lost(error),
            })?;
        tokio::select! {
            biased;
            () = outcome.confirmed() => {}
            error = connection.closed() => return Err(match outcome.take_error() {
                Some(refused) => DialFailure::Refused(refused),
                None => DialFailure::Lost(error),
            }),
        }
        let proved = proved(&connection).ok_or(DialFailure::Refused(HandshakeError::Internal))?;
        Ok((connection, proved))
    }

    fn start_dial(
        &self,
        remote: SocketAddr,
        seed: Arc<SeedKeys>,
        expected: Option<NodeId>,
        outcome: DialOutcome,
    ) -> Result<Connecting, DialFailure> {
        let entropy = self.platform.entropy();
        let crypto = DiallerConfig {
            context: Arc::clone(&self.handshake),
            seed: Arc::clone(&seed),
            expected,
            entropy: entropy.clone(),
            outcome,
        };
        let transport = self.transports.of(Place::of(remote).kind());
        let mut config = ClientConfig::new(Arc::new(crypto));
        config
            .version(VERSION)
            .transport_config(Arc::clone(transport))
            .initial_dst_cid_provider(Arc::new(move || {
                first_connection_id(&seed, &mut entropy.clone())
            }));
        self.engine
            .connect_with(config, remote, "")
            .map_err(DialFailure::NotStarted)
    }

    /// The next attempt of somebody who passed the door; `None` once the endpoint is closed.
    pub(crate) async fn incoming(&self) -> Option<Incoming> {
        self.engine.accept().await
    }

    /// Lets an attempt begin its handshake.
    pub(crate) fn accept(&self, incoming: Incoming) -> Result<Connecting, ConnectionError> {
        let server = self.servers.of(Place::of(incoming.remote_address()).kind());
        incoming.accept_with(Arc::clone(server))
    }

    /// Tells every connection that the addresses here may be others: source addresses are chosen anew,
    /// and each path is asked whether it still works.
    pub(crate) fn network_changed(&self) {
        self.engine
            .handle_network_change(Some(Arc::new(MayRecover)));
    }

    /// Ends every connection at once and takes no more.
    pub(crate) fn close(&self, code: u64) {
        self.engine.close(super::engine_code(code), &[]);
    }

    /// Resolves when the peers of all connections have been told that they are closed.
    pub(crate) async fn drained(&self) {
        self.engine.wait_all_draining().await;
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("link", &self.link)
            .finish_non_exhaustive()
    }
}

/// What a finished handshake proved; `None` before it has.
pub(crate) fn proved(connection: &Connection) -> Option<Authenticated> {
    let proved = connection.handshake_data()?.downcast::<Authenticated>();
    Some(*proved.ok()?)
}

/// What is counted of a connection below everything else.
pub(crate) fn meters(connection: &Connection) -> Option<Arc<Meters>> {
    let meters = connection.peer_identity()?.downcast::<Arc<Meters>>();
    Some(*meters.ok()?)
}

/// Every path may: only probing tells.
#[derive(Debug)]
struct MayRecover;

impl NetworkChangeHint for MayRecover {
    fn is_path_recoverable(&self, _: PathId, _: FourTuple) -> bool {
        true
    }
}

/// Why a dial led to nothing.
#[derive(Debug)]
pub(crate) enum DialFailure {
    /// The handshake was refused here; says why.
    Refused(HandshakeError),
    /// The connection ended before the handshake did.
    Lost(ConnectionError),
    /// The engine would not begin.
    NotStarted(ConnectError),
}
