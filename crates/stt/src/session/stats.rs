//! What can be counted and measured of a session.

use std::{net::SocketAddr, sync::atomic::Ordering::Relaxed, time::Duration};

use super::{core::Core, paths};
use crate::transport::link::PathKind;

/// Counters of a session since it began, and its path as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionStats {
    /// How long the session has existed.
    pub age: Duration,
    /// Smoothed round-trip time of the path.
    pub round_trip: Duration,
    /// UDP payload bytes sent, with all overhead.
    pub bytes_sent: u64,
    /// UDP payload bytes received, with all overhead.
    pub bytes_received: u64,
    /// UDP datagrams sent.
    pub packets_sent: u64,
    /// UDP datagrams received.
    pub packets_received: u64,
    /// Packets declared lost and sent anew.
    pub packets_lost: u64,
    /// Times we changed the traffic keys, by policy or on demand. The peer's changes and those of
    /// the engine are not counted.
    pub key_updates: u64,
    /// Packets that did not authenticate, and were dropped: forged, damaged, or of another session.
    pub unauthentic_packets: u64,
    /// The peer's datagrams that were no frames, and were dropped.
    pub malformed_datagrams: u64,
    /// The path that carries the data; others may stand by.
    pub path: PathInfo,
}

/// One way between the two nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PathInfo {
    /// What it consists of.
    pub kind: PathKind,
    /// The peer's address, as we see it; of a WebSocket, that of the other end of the TCP
    /// connection, which may be a proxy's; of a relayed path, the relay's.
    pub remote: Option<SocketAddr>,
    /// Largest UDP payload the path is known to carry, in bytes.
    pub mtu: u16,
    /// Bytes that may be in flight.
    pub congestion_window: u64,
}

pub(super) fn of(core: &Core) -> SessionStats {
    let counted = core.connection.stats();
    let path = core.connection.path_stats(core.paths.current());
    SessionStats {
        age: core
            .platform
            .now()
            .saturating_duration_since(core.opened_at()),
        round_trip: core.refresh_round_trip(),
        bytes_sent: counted.udp_tx.bytes,
        bytes_received: counted.udp_rx.bytes,
        packets_sent: counted.udp_tx.datagrams,
        packets_received: counted.udp_rx.datagrams,
        packets_lost: counted.lost_packets,
        key_updates: core.key_updates().lock().count,
        unauthentic_packets: core.meters.unauthentic.load(Relaxed),
        malformed_datagrams: core.frames.malformed(),
        path: PathInfo {
            kind: paths::kind(core),
            remote: paths::remote(core),
            mtu: path.as_ref().map_or(0, |path| path.current_mtu),
            congestion_window: path.as_ref().map_or(0, |path| path.cwnd),
        },
    }
}
