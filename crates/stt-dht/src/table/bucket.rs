//! Members that share a number of leading bits with us: a few in use, a few in reserve.
//!
//! *Invariant T4.* Whoever is in use and answers is never displaced by a newcomer: members that
//! have been there long stay longest, and nobody floods them out.

use stt_wire::Contact;

use super::entry::{Entry, OUT};
use crate::{Key, Moment};

/// One bucket.
#[derive(Debug, Default, Clone)]
pub(crate) struct Bucket {
    pub(crate) entries: Vec<Entry>,
    /// Those that answered when there was no room, the latest last.
    pub(super) spares: Vec<(Contact, Key)>,
}

/// Most members in reserve.
const SPARES: usize = 10;

impl Bucket {
    pub(crate) fn find(&mut self, key: &Key) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.key == *key)
    }

    /// Takes a member in use, who then is in reserve no longer.
    pub(crate) fn add(&mut self, entry: Entry) {
        self.spares.retain(|(_, known)| *known != entry.key);
        self.entries.push(entry);
    }

    /// Remembers a member for which there is no room.
    pub(crate) fn reserve(&mut self, contact: Contact, key: Key) {
        self.spares.retain(|(_, known)| *known != key);
        if self.spares.len() == SPARES {
            self.spares.remove(0);
        }
        self.spares.push((contact, key));
    }

    /// Forgets a member altogether. True if it was in use.
    pub(crate) fn remove(&mut self, key: &Key) -> bool {
        self.spares.retain(|(_, known)| known != key);
        let before = self.entries.len();
        self.entries.retain(|entry| entry.key != *key);
        self.entries.len() < before
    }

    /// Counts a request without an answer. True if that was one too many.
    pub(crate) fn strike(&mut self, key: &Key, now: Moment) -> bool {
        let Some(entry) = self.find(key) else {
            return false;
        };
        entry.checked = now;
        entry.strikes = entry.strikes.saturating_add(1);
        entry.strikes >= OUT
    }
}
