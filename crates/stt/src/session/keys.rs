//! When the traffic keys of a session change.

use super::core::Core;
use crate::transport::endpoint::key_generations;

/// Changes the keys if the policy says so. Called every few seconds by the node.
pub(crate) fn update_if_due(core: &Core) {
    let policy = core.limits.key_update;
    let stats = core.connection.stats();
    let last = *core.key_updates().lock();
    let (packets, bytes) = (stats.udp_tx.datagrams, stats.udp_tx.bytes);
    let age = core.platform.now().saturating_duration_since(last.at);
    let worn = packets - last.packets >= policy.packets || bytes - last.bytes >= policy.bytes;
    let old = age >= policy.interval && packets > last.packets;
    if worn || old {
        update(core);
    }
}

/// Changes the keys of both directions: the peer follows the first packet under the new ones. Does
/// nothing while the last change is not confirmed.
pub(super) fn update(core: &Core) {
    let before = key_generations(&core.connection);
    core.connection.force_key_update();
    if key_generations(&core.connection) == before {
        return;
    }
    let stats = core.connection.stats();
    let mut last = core.key_updates().lock();
    last.at = core.platform.now();
    last.packets = stats.udp_tx.datagrams;
    last.bytes = stats.udp_tx.bytes;
    last.count += 1;
}
