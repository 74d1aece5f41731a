//! The member's end of a leg.
//!
//! spec: RELAY-23, RELAY-31

use std::sync::{
    Arc, Weak,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use stc::packet::{RELAY_TAG_LEN, RelayPacket};

use super::{Channel, RelayClient};
use crate::{
    relay::{
        departures::Share,
        leg::{Leg, QUESTION_LEN, Role},
    },
    session::core::Core,
    transport::link::{LegEnd, Way},
};

/// See the module.
#[derive(Debug)]
pub(super) struct MemberLeg {
    pub(super) leg: Leg,
    pub(super) number: u64,
    /// The session with the relay.
    pub(super) core: Arc<Core>,
    channel: Weak<Channel>,
    client: Weak<RelayClient>,
    share: Share,
    /// Packets that it had sealed when it was looked at last.
    sealed: AtomicU64,
}

impl MemberLeg {
    pub(super) fn new(
        client: &Arc<RelayClient>,
        channel: &Arc<Channel>,
        core: &Arc<Core>,
        (number, tag): (u64, [u8; RELAY_TAG_LEN]),
    ) -> Self {
        Self {
            leg: Leg::new(core, Role::Member, number, tag),
            number,
            core: Arc::clone(core),
            channel: Arc::downgrade(channel),
            client: Arc::downgrade(client),
            share: Share::default(),
            sealed: AtomicU64::default(),
        }
    }

    /// Tells the relay where this node is. spec: RELAY-30
    pub(super) fn show(&self, client: &RelayClient) {
        if let Some(remote) = self.core.remote_address() {
            let way = Way {
                remote,
                local: None,
            };
            self.send(client, way, &[]);
        }
    }

    /// The same, if nothing has told it since the last time that this was asked.
    pub(super) fn show_if_quiet(&self, client: &RelayClient) {
        let sealed = self.leg.sealed();
        if self.sealed.swap(sealed, Relaxed) == sealed {
            self.show(client);
            self.sealed.store(self.leg.sealed(), Relaxed);
        }
    }

    /// A leg that is used up says nothing more.
    fn send(&self, client: &RelayClient, way: Way, content: &[u8]) {
        if let Ok(packet) = self.leg.seal(content) {
            client.departures.push(way, packet, &self.share);
        }
    }
}

impl LegEnd for MemberLeg {
    fn take(&self, from: Way, packet: &RelayPacket<'_>, _: usize) -> bool {
        if !self.leg.verifies(packet) {
            return false;
        }
        let Some(client) = self.client.upgrade() else {
            return true;
        };
        client.signs.heard();
        match packet.content {
            [] => {}
            question if question.len() == QUESTION_LEN => self.send(&client, from, question),
            content => {
                if let Some(channel) = self.channel.upgrade() {
                    channel.deliver(content);
                }
            }
        }
        true
    }
}
