//! Members that share a number of leading bits with us: a few in use, a few in reserve.
//!
//! *Invariant T4.* Whoever is in use and answers is never displaced by a newcomer: members that
//! have been there long stay longest, and nobody floods them out.

use stt_wire::Contact;

use super::entry::Entry;
use crate::Key;

/// One bucket.
#[derive(Debug, Default, Clone)]
pub(crate) struct Bucket {
    entries: Vec<Entry>,
    /// The beginnings of their keys, in the same order: what is searched, in three cache lines.
    heads: Vec<u64>,
    /// Those that answered when there was no room, the latest last.
    pub(super) spares: Vec<(Contact, Key)>,
}

/// Most members in reserve.
const SPARES: usize = 10;

impl Bucket {
    /// The members in use, those that have been there longest first.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn entries_mut(&mut self) -> &mut [Entry] {
        &mut self.entries
    }

    pub(crate) fn len(&self) -> usize {
        self.heads.len()
    }

    /// How many members in use have been there for longer than this one.
    pub(crate) fn place(&self, key: &Key) -> Option<usize> {
        let head = key.head();
        let mut places = (0..self.heads.len()).filter(|place| self.heads[*place] == head);
        places.find(|place| self.entries[*place].key == *key)
    }

    pub(crate) fn known(&self, key: &Key) -> Option<&Entry> {
        self.place(key).map(|place| &self.entries[place])
    }

    pub(crate) fn find(&mut self, key: &Key) -> Option<&mut Entry> {
        self.place(key).map(|place| &mut self.entries[place])
    }

    /// Takes a member in use, who then is in reserve no longer.
    pub(crate) fn add(&mut self, entry: Entry) {
        self.spares.retain(|(_, known)| *known != entry.key);
        self.heads.push(entry.key.head());
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

    /// Forgets a member altogether. It is given back if it was in use.
    pub(crate) fn remove(&mut self, key: &Key) -> Option<Entry> {
        self.spares.retain(|(_, known)| known != key);
        let place = self.place(key)?;
        self.heads.remove(place);
        Some(self.entries.remove(place))
    }
}
