//! What is in the store: its objects one by one, and its numbers.

use std::sync::Arc;
use std::vec;

use super::{BinaryStorage, Shared};
use crate::error::Failure;
use crate::index::{Count, ObjectRow};
use crate::object::{Address, Reference};

/// One object of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Its reference.
    pub reference: Reference,
    /// Whether it is pinned.
    pub is_pinned: bool,
}

/// The objects of a store in the order of their addresses, a few in memory at a time.
#[derive(Debug)]
pub struct Entries {
    shared: Arc<Shared>,
    page: vec::IntoIter<([u8; 32], ObjectRow)>,
    after: Option<[u8; 32]>,
    is_done: bool,
}

/// Numbers of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Objects.
    pub objects: u64,
    /// Pinned ones among them.
    pub pinned: u64,
    /// Bytes of all objects, as they were stored.
    pub object_bytes: u64,
    /// Bytes of records that are needed: what the quota counts.
    pub live_bytes: u64,
    /// Bytes of all segments.
    pub segment_bytes: u64,
    /// Segments.
    pub segments: u64,
    /// Seeds that open the store.
    pub key_slots: u64,
    /// How many master keys there have been.
    pub key_generation: u32,
    /// The quota, in bytes.
    pub quota: Option<u64>,
}

impl BinaryStorage {
    /// The objects that are here, in the order of their addresses.
    ///
    /// An object that comes or goes meanwhile may be in it or not.
    pub fn list(&self) -> Entries {
        Entries {
            shared: Arc::clone(&self.shared),
            page: Vec::new().into_iter(),
            after: None,
            is_done: false,
        }
    }

    /// The numbers of the store.
    ///
    /// # Errors
    /// [`Failure`] of what lies below.
    pub fn stats(&self) -> Result<Stats, Failure> {
        let view = self.shared.watched(self.shared.index()?.view())?;
        let vault = self.shared.vault.read();
        Ok(Stats {
            objects: view.count(Count::Objects)?,
            pinned: view.count(Count::Pinned)?,
            object_bytes: view.count(Count::Length)?,
            live_bytes: view.count(Count::Live)?,
            segment_bytes: view.count(Count::Disk)?,
            segments: view.segments()?.len() as u64,
            key_slots: vault.slot_count() as u64,
            key_generation: vault.current().number,
            quota: self.shared.options.quota,
        })
    }
}

impl Entries {
    fn load(&mut self) -> Result<(), Failure> {
        let view = self.shared.index()?.view();
        let page = view.and_then(|view| view.objects(self.after, PAGE_LEN));
        let page = self.shared.watched(page)?;
        self.is_done = page.len() < PAGE_LEN;
        self.after = page.last().map(|(address, _)| *address).or(self.after);
        self.page = page.into_iter();
        Ok(())
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let (address, row) = loop {
            if self.page.len() == 0
                && !self.is_done
                && let Err(failure) = self.load()
            {
                self.is_done = true;
                return Some(Err(failure));
            }
            match self.page.next() {
                Some((_, row)) if row.is_partial => {}
                Some(entry) => break entry,
                None if self.is_done => return None,
                None => {}
            }
        };
        Some(Ok(Entry {
            reference: Reference {
                address: Address::from_bytes(address),
                root: row.root,
                length: row.length,
            },
            is_pinned: row.pinned,
        }))
    }
}

const PAGE_LEN: usize = 256;
