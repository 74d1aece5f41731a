//! One end of a channel at the relay: takes what its member sends and gives it to the other end.
//!
//! spec: RELAY-22 to RELAY-29

use std::{
    fmt,
    sync::{Arc, OnceLock, Weak},
};

use parking_lot::Mutex;
use stc::packet::{RELAY_TAG_LEN, RelayPacket};

use super::{Account, Relaying, whereabouts::Whereabouts};
use crate::{
    relay::{
        departures::{Departures, Share},
        leg::{Leg, QUESTION_LEN, Role, fits},
        window::Verdict,
    },
    session::core::Core,
    transport::{
        link::{LegEnd, Way},
        platform::Platform,
    },
};

/// See the module.
pub(super) struct ChannelEnd {
    leg: Leg,
    tag: [u8; RELAY_TAG_LEN],
    whereabouts: Mutex<Whereabouts>,
    /// What waits to leave for this member.
    share: Share,
    other: OnceLock<Weak<Self>>,
    around: Surroundings,
}

/// What an end has from its relay.
pub(super) struct Surroundings {
    pub(super) channel: u64,
    /// What is left to the member.
    pub(super) account: Arc<Account>,
    pub(super) departures: Arc<Departures>,
    pub(super) platform: Platform,
    pub(super) relaying: Weak<Relaying>,
}

impl ChannelEnd {
    pub(super) fn new(
        core: &Core,
        (number, tag): (u64, [u8; RELAY_TAG_LEN]),
        way: Way,
        around: Surroundings,
    ) -> Self {
        Self {
            leg: Leg::new(core, Role::Relay, number, tag),
            tag,
            whereabouts: Mutex::new(Whereabouts::new(way)),
            share: Share::default(),
            other: OnceLock::new(),
            around,
        }
    }

    pub(super) fn tag(&self) -> [u8; RELAY_TAG_LEN] {
        self.tag
    }

    /// The end that gets what comes here.
    pub(super) fn join(&self, other: &Arc<Self>) {
        // Done once, when the channel is made.
        let _ = self.other.set(Arc::downgrade(other));
    }

    /// The member's newest packet came from there.
    fn heard(&self, from: Way, len: usize) {
        let platform = &self.around.platform;
        let asked = self
            .whereabouts
            .lock()
            .heard(platform.now(), from, len, || platform.random());
        if let Some((way, question)) = asked {
            self.send(&question, |_| way);
        }
    }

    /// Sends a content to the member.
    fn forward(&self, content: &[u8]) {
        self.send(content, |len| self.whereabouts.lock().way_for(len));
    }

    fn send(&self, content: &[u8], way: impl FnOnce(usize) -> Way) {
        match self.leg.seal(content) {
            Ok(packet) => {
                let way = way(packet.len());
                self.around.departures.push(way, packet, &self.share);
            }
            Err(_) => {
                if let Some(relaying) = self.around.relaying.upgrade() {
                    relaying.used_up(self.around.channel);
                }
            }
        }
    }
}

impl LegEnd for ChannelEnd {
    fn take(&self, from: Way, packet: &RelayPacket<'_>, len: usize) -> bool {
        if !self.leg.verifies(packet) {
            return false;
        }
        let verdict = self.leg.judge(packet);
        let is_allowed = self
            .around
            .account
            .bytes
            .take(self.around.platform.now(), len);
        if verdict == Verdict::Seen || !is_allowed {
            return true;
        }
        if verdict == Verdict::Newest {
            self.heard(from, len);
        }
        match packet.content {
            [] => {}
            answer if answer.len() == QUESTION_LEN => {
                self.whereabouts.lock().answered(from, answer);
            }
            content if fits(content) => {
                if let Some(other) = self.other.get().and_then(Weak::upgrade) {
                    other.forward(content);
                }
            }
            _ => {}
        }
        true
    }
}

impl fmt::Debug for ChannelEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelEnd")
            .field("leg", &self.leg)
            .finish_non_exhaustive()
    }
}
