//! A member in the table: where it is, and how it has behaved towards us.

use stt_wire::Contact;

use crate::diversity::Network;
use crate::pace::Rtt;
use crate::{Key, Moment};

/// A member that has answered us.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) contact: Contact,
    pub(crate) key: Key,
    /// The network it is in; none for private addresses.
    pub(crate) network: Option<Network>,
    /// When it last showed that it is there.
    pub(crate) seen: Moment,
    /// When it was last asked whether it is.
    pub(crate) checked: Moment,
    pub(crate) rtt: Rtt,
    /// Requests in a row that it left without an answer.
    pub(crate) strikes: u8,
}

/// Strikes at which a member leaves the table; one that comes from the reserve or from the last run,
/// and has not answered since, leaves with the first.
const OUT: u8 = 2;

impl Entry {
    pub(crate) fn new(now: Moment, contact: Contact, key: Key) -> Self {
        let network = Network::of(&contact);
        Self {
            contact,
            key,
            network,
            seen: now,
            checked: now,
            rtt: Rtt::default(),
            strikes: 0,
        }
    }

    /// It has shown that it is there.
    pub(crate) fn show(&mut self, now: Moment) {
        self.seen = now;
        self.strikes = 0;
    }

    /// It left a request without an answer. True if that was one too many.
    pub(crate) fn strike(&mut self, now: Moment) -> bool {
        self.checked = now;
        self.strikes = self.strikes.saturating_add(1);
        self.strikes >= OUT || !self.was_here()
    }

    /// It may be gone: as if it had left one request without an answer.
    pub(crate) fn doubt(&mut self) {
        self.strikes = self.strikes.max(1);
    }

    /// Whether it has answered while it was in use, and was not only taken from the reserve or from
    /// the last run.
    pub(crate) fn was_here(&self) -> bool {
        self.seen > Moment::default()
    }

    /// It was found at this address.
    pub(crate) fn move_to(&mut self, contact: Contact) {
        self.network = Network::of(&contact);
        self.contact = contact;
    }

    pub(crate) const fn is_well(&self) -> bool {
        self.strikes == 0
    }
}
