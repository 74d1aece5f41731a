//! The engine's settings, made from a node's [`Limits`].

use std::{sync::Arc, time::Duration};

use noq::{
    EndpointConfig, IdleTimeout, MtuDiscoveryConfig, TransportConfig, congestion::CubicConfig,
};
use stc::packet::ResetKey;

use super::link::PathKind;
use super::{
    cid::RandomConnectionIds, congestion::WatchedCubic, crypto::EngineResetKey, platform::Platform,
    socket::VERSION,
};
use crate::limits::Limits;

/// One of each for connections by what they begin on.
pub(super) struct ByKind<T> {
    udp: T,
    websocket: T,
    relay: T,
}

impl<T> ByKind<T> {
    pub(super) fn new(make: impl Fn(PathKind) -> T) -> Self {
        Self {
            udp: make(PathKind::Udp),
            websocket: make(PathKind::WebSocket),
            relay: make(PathKind::Relay),
        }
    }

    pub(super) fn of(&self, kind: PathKind) -> &T {
        match kind {
            PathKind::Udp => &self.udp,
            PathKind::WebSocket => &self.websocket,
            PathKind::Relay => &self.relay,
        }
    }
}

/// Settings of one connection, by what it begins on; the same for both sides.
pub(super) fn transport_config(limits: &Limits, kind: PathKind) -> Arc<TransportConfig> {
    let mut config = TransportConfig::default();
    let mut congestion = CubicConfig::default();
    congestion.initial_window(INITIAL_WINDOW_BYTES);
    config
        .max_concurrent_bidi_streams(limits.streams.saturating_add(OWN_TWO_WAY).into())
        .max_concurrent_uni_streams(limits.streams.saturating_add(OWN_ONE_WAY).into())
        .max_idle_timeout(idle_timeout(limits.idle_timeout))
        .keep_alive_interval(Some(limits.keep_alive))
        .stream_receive_window(limits.effective_stream_window().into())
        .receive_window(limits.session_window.into())
        .send_window(u64::from(limits.session_window))
        .max_concurrent_multipath_paths(paths(kind))
        .send_observed_address_reports(true)
        .receive_observed_address_reports(true)
        .congestion_controller_factory(Arc::new(WatchedCubic(Arc::new(congestion))))
        // The spin bit would show a path's round-trip time to anyone on it.
        .allow_spin(false);
    if kind == PathKind::WebSocket {
        let mut discovery = MtuDiscoveryConfig::default();
        discovery.upper_bound(PACKET_BY_WEBSOCKET);
        config.mtu_discovery_config(Some(discovery));
    }
    if kind == PathKind::Relay {
        config.initial_rtt(ROUND_TRIP_BY_RELAY);
    }
    Arc::new(config)
}

/// Settings of one socket.
pub(super) fn endpoint_config(platform: &Platform) -> EndpointConfig {
    let reset_key = EngineResetKey(ResetKey::new(platform.random()));
    let mut config = EndpointConfig::new(Arc::new(reset_key));
    let entropy = platform.entropy();
    config
        .supported_versions(vec![VERSION])
        .cid_generator(Arc::new(move || {
            Box::new(RandomConnectionIds::new(entropy.clone()))
        }));
    // Fails only below 1,200 bytes.
    let _ = config.max_udp_payload_size(PACKET_BY_WEBSOCKET);
    if platform.is_deterministic() {
        config.rng_seed(Some(platform.random()));
    }
    config
}

/// `None` (never) for what the engine's millisecond counter can't hold.
fn idle_timeout(duration: Duration) -> Option<IdleTimeout> {
    IdleTimeout::try_from(duration).ok()
}

/// HELLO and RESPONSE take two datagrams each. With the usual window of ten packets and an assumed
/// round trip of 333 ms the pacer would hold the second one back for 26 ms.
const INITIAL_WINDOW_BYTES: u64 = 128 * 1_024;

/// What the engine takes a round trip through a relay for until it has measured one: before it sends a part
/// of the handshake again it waits three times as long, then six times, twelve times. Two links lose more than one does, and
/// with the usual 333 ms a handshake of four parts has three more attempts within ten seconds where a third is lost.
const ROUND_TRIP_BY_RELAY: Duration = Duration::from_millis(100);

/// What packets may grow to in a session that begins by WebSocket, where no network limits them. They
/// cost half as much CPU for a byte as those of 1,452 bytes; larger ones win little more, and keep what
/// follows them waiting on slow links. On its paths by UDP the engine finds out what they carry.
const PACKET_BY_WEBSOCKET: u16 = 8_192;

/// Paths at a time. The engine gives the peer connection ids for all of them as soon as a session
/// begins, so each costs every session 2 KB, and the way that most of them keep to has the fewest.
const fn paths(kind: PathKind) -> u32 {
    match kind {
        // A direct one, its successor, and a tunnel or a relay.
        PathKind::Udp => 3,
        // A direct one, its successor, a tunnel and a relay.
        PathKind::WebSocket | PathKind::Relay => 4,
    }
}

/// Two-way streams that are not the application's: those of endpoints, and a registration with a relay.
const OWN_TWO_WAY: u32 = stt_wire::limits::MAX_LIVE_ENDPOINT_STREAMS as u32 + 1;

/// One-way streams that are not the application's: control, frames, events and message lanes.
const OWN_ONE_WAY: u32 = 3 + stt_wire::limits::MAX_LANE as u32 + 1;
