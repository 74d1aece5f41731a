//! When the traffic keys of a session change.

use std::sync::atomic::Ordering::Relaxed;

use super::core::{Core, KeyUpdates};
use crate::transport::{congestion::newest_acknowledged, crypto::FirstSealed};

/// Changes the keys if the policy says so. Called every few seconds by the node.
///
/// A change by the peer, or by the engine at its own limits, counts as ours would: both sides have
/// the same policy as a rule, and shall not both act on it.
pub(crate) fn update_if_due(core: &Core) {
    let policy = core.limits.key_update;
    let generations = core.meters.generations.load(Relaxed);
    let stats = core.connection.stats();
    let (packets, bytes) = (stats.udp_tx.datagrams, stats.udp_tx.bytes);
    let mut last = core.key_updates().lock();
    if last.generations != generations {
        return changed(core, &mut last);
    }
    let age = core.platform.now().saturating_duration_since(last.at);
    let worn = packets - last.packets >= policy.packets || bytes - last.bytes >= policy.bytes;
    let old = age >= policy.interval && packets > last.packets;
    drop(last);
    if worn || old {
        update(core);
    }
}

/// What came of asking for new keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyUpdate {
    /// The keys changed. The peer follows with the first packet it gets under the new ones.
    Begun,
    /// An earlier change is not confirmed yet, so nothing happened: ask again later.
    UnderWay,
}

/// Changes the keys of both directions, unless the last change is not confirmed yet.
pub(super) fn update(core: &Core) -> KeyUpdate {
    if !peer_has_followed(core) {
        return KeyUpdate::UnderWay;
    }
    let before = core.meters.generations.load(Relaxed);
    core.connection.force_key_update();
    if core.meters.generations.load(Relaxed) == before {
        return KeyUpdate::UnderWay;
    }
    let mut last = core.key_updates().lock();
    last.count += 1;
    changed(core, &mut last);
    KeyUpdate::Begun
}

/// Whether the peer has acknowledged a packet under the keys in use. Until then it may have missed
/// that we use them, and can't tell a second change from none. The engine looks after this only for
/// a change that it began itself, and takes the peer's own for an answer.
fn peer_has_followed(core: &Core) -> bool {
    match core.meters.first_sealed() {
        FirstSealed::UnderTheFirstKeys => true,
        FirstSealed::NotYet => false,
        FirstSealed::On { path, packet } => {
            if core.connection.path(path).is_none() {
                // Nobody will acknowledge it any more; the next one does as well.
                core.meters.forget_first_sealed();
                return false;
            }
            newest_acknowledged(&core.connection, path) >= Some(packet)
        }
    }
}

fn changed(core: &Core, last: &mut KeyUpdates) {
    let stats = core.connection.stats();
    last.at = core.platform.now();
    last.packets = stats.udp_tx.datagrams;
    last.bytes = stats.udp_tx.bytes;
    last.generations = core.meters.generations.load(Relaxed);
}
