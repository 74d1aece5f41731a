//! What a node has of one feed: entries on the board, their objects in the storage, and the word in the DHT.

use std::sync::Arc;

use stt_wire::FeedEntry;

use super::board::Board;
use super::record::{Kept, Record};
use super::reference::FeedReference;
use crate::node::Node;
use crate::storage::{Address, Reference};
use crate::swarm::shelves::{Content, Rack, Shelves};

/// One feed, here.
pub(super) struct Holding {
    pub(super) node: Node,
    pub(super) content: Content,
    pub(super) reference: FeedReference,
    pub(super) board: Arc<Board>,
    keep: usize,
    is_shared: bool,
    is_announced: bool,
}

impl Holding {
    /// A feed with no entry; nothing if this node has it already. Others may follow it here if there are `places`.
    pub(super) fn begin(
        node: Node,
        content: &Content,
        reference: FeedReference,
        places: usize,
        keep: usize,
    ) -> Option<Self> {
        let board = Board::new(places);
        let shelves = &content.shelves;
        if !shelves.boards.put_up(reference.address(), &board) {
            return None;
        }
        Some(Self {
            node,
            content: Content::new(content.storage.clone(), Arc::clone(shelves), Rack::Feeds),
            reference,
            board,
            keep,
            is_shared: places > 0,
            is_announced: false,
        })
    }

    pub(super) fn shelves(&self) -> &Shelves {
        &self.content.shelves
    }

    pub(super) fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// One more entry, whose object is here; the oldest go.
    pub(super) async fn put_up(&mut self, kept: Kept) {
        if self.is_shared {
            // If it cannot be read, it is absent to others.
            let _ = self.content.publish(object_of(&kept.entry).address).await;
            self.announce();
        }
        let keep = if self.is_shared {
            self.keep
        } else {
            usize::MAX
        };
        let gone = self.board.change(|record| {
            record.push(kept);
            record.trim(keep)
        });
        self.forget(gone).await;
    }

    /// Lets the entries go that were read, where others don't have them from here.
    pub(super) async fn was_read_below(&self, number: u64) {
        if !self.is_shared {
            let gone = self.board.change(|record| record.trim_below(number));
            self.forget(gone).await;
        }
    }

    /// Others follow it here no longer, and of its objects those are removed that came by it.
    pub(super) async fn end(self) {
        let name = self.reference.address();
        self.shelves().boards.take_down(name);
        let all = self.board.change(|record: &mut Record| record.trim(0));
        self.forget(all).await;
        if let Some(dht) = self.node.dht().filter(|_| self.is_announced) {
            // What is left of the announcement ends by itself.
            let _ = dht.withdraw(name).await;
        }
    }

    async fn forget(&self, gone: Vec<Kept>) {
        for kept in gone {
            let address = object_of(&kept.entry).address;
            self.content.unpublish(address);
            if kept.is_brought {
                self.remove(address).await;
            }
        }
    }

    /// Removes an object that came by the feed. What is pinned, or gone already, is not ours to complain of.
    pub(super) async fn remove(&self, address: Address) {
        if let Err(error) = self.content.storage.remove(address).await {
            tracing::debug!(%error, %address, "object of a feed");
        }
    }

    /// Tells the DHT, once.
    fn announce(&mut self) {
        if std::mem::replace(&mut self.is_announced, true) {
            return;
        }
        let name = self.reference.address();
        if let Some(dht) = self.node.dht() {
            self.content.platform.spawn(async move {
                // It stays announced, and is tried again.
                if let Err(error) = dht.announce(name).await {
                    tracing::info!(%error, "announcing a feed");
                }
            });
        }
    }
}

/// The object of an entry.
pub(super) fn object_of(entry: &FeedEntry) -> Reference {
    Reference {
        address: Address::from_bytes(entry.address),
        root: entry.root,
        length: entry.length.get(),
    }
}
