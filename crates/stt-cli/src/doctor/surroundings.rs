//! What a node knows of the network it is in, as a document.

use std::time::Duration;

use stt::Node;

use crate::control::{Peer, RelaySeen, Router, Surroundings};

/// What `node` knows now.
pub(crate) fn surroundings(node: &Node) -> Surroundings {
    let report = node.network_report();
    let router = node.port_mapping().map(|said| Router {
        protocols: said.protocols.iter().map(ToString::to_string).collect(),
        address: said.address,
    });
    let relays = node.relays().into_iter().take(MOST).map(|relay| RelaySeen {
        relay: relay.target().to_string(),
        node: relay.peer().map(|peer| peer.to_string()),
        round_trip_ms: relay.round_trip().map(milliseconds),
    });
    let neighbours = node.neighbours().into_iter().take(MOST).map(|found| Peer {
        node: found.peer.to_string(),
        addresses: found.addresses,
    });
    let mut seen_at = report.outside;
    seen_at.truncate(MOST);
    Surroundings {
        node: node.id().to_string(),
        interfaces: report.interfaces.into_iter().take(MOST).collect(),
        seen_at,
        mapping: report.mapping.into(),
        router,
        relays: relays.collect(),
        neighbours: neighbours.collect(),
        sessions: node.sessions().len(),
    }
}

/// Tenths are enough.
pub(super) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

/// Of each kind, so that the document fits a frame of the control socket.
const MOST: usize = 64;
