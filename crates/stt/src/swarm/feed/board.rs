//! The feeds of which this node has entries, and who follows them here.
//!
//! *Bounds.* A member has one place a feed, and a feed as many places as its options say. spec: FEED-13.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use stc::NodeId;
use tokio::sync::{oneshot, watch};

use super::record::{Kept, Record};
use crate::storage::Address;

/// All feeds of a node, by their names.
#[derive(Debug, Default)]
pub(in crate::swarm) struct Boards(Mutex<HashMap<Address, Arc<Board>>>);

/// One feed.
#[derive(Debug)]
pub(super) struct Board {
    record: watch::Sender<Record>,
    places: usize,
    followers: Mutex<Followers>,
}

/// Those who follow, each with what tells it that its place is another's.
#[derive(Debug, Default)]
struct Followers {
    of: BTreeMap<NodeId, (u64, oneshot::Sender<()>)>,
    taken: u64,
}

/// A place among those who follow; free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    /// Who looks at a record shall see that its board is gone.
    board: Weak<Board>,
    follower: NodeId,
    number: u64,
    /// Ends when the same member asks again.
    given: oneshot::Receiver<()>,
}

impl Boards {
    /// False if there is one of this name.
    pub(super) fn put_up(&self, name: Address, board: &Arc<Board>) -> bool {
        let mut boards = self.0.lock();
        let is_new = !boards.contains_key(&name);
        if is_new {
            boards.insert(name, Arc::clone(board));
        }
        is_new
    }

    pub(super) fn take_down(&self, name: Address) {
        self.0.lock().remove(&name);
    }

    /// The feed of a name, if others may follow it here.
    pub(super) fn find(&self, name: Address) -> Option<Arc<Board>> {
        let boards = self.0.lock();
        boards.get(&name).filter(|board| board.places > 0).cloned()
    }

    /// The node is shut down.
    pub(in crate::swarm) fn close(&self) {
        self.0.lock().clear();
    }
}

impl Board {
    pub(super) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self {
            record: watch::Sender::default(),
            places,
            followers: Mutex::default(),
        })
    }

    pub(super) fn look(&self) -> watch::Receiver<Record> {
        self.record.subscribe()
    }

    /// Changes the record; returns what was taken out of it.
    pub(super) fn change(&self, change: impl FnOnce(&mut Record) -> Vec<Kept>) -> Vec<Kept> {
        let mut out = Vec::new();
        self.record.send_modify(|record| out = change(record));
        out
    }

    /// A place for a member, unless all are taken. One that it had is given to this request.
    pub(super) fn place(self: &Arc<Self>, follower: NodeId) -> Option<Place> {
        let mut followers = self.followers.lock();
        let is_known = followers.of.contains_key(&follower);
        if !is_known && followers.of.len() >= self.places {
            return None;
        }
        let (keep, given) = oneshot::channel();
        let number = followers.taken;
        followers.taken += 1;
        followers.of.insert(follower, (number, keep));
        drop(followers);
        Some(Place {
            board: Arc::downgrade(self),
            follower,
            number,
            given,
        })
    }

    pub(super) fn followers(&self) -> usize {
        self.followers.lock().of.len()
    }
}

impl Place {
    /// Resolves when the same member has asked again.
    pub(super) async fn taken_over(&mut self) {
        // Its sender is dropped, never used.
        let _ = (&mut self.given).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(board) = self.board.upgrade() else {
            return;
        };
        let of = &mut board.followers.lock().of;
        if of
            .get(&self.follower)
            .is_some_and(|(number, _)| *number == self.number)
        {
            of.remove(&self.follower);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_member_has_one_place_and_a_feed_no_more_than_it_may() {
        let board = Board::new(2);
        let node = |number| NodeId::from_bytes([number; 32]);
        let mut first = board.place(node(1)).unwrap();
        let second = board.place(node(2)).unwrap();
        assert!(board.place(node(3)).is_none());
        assert!(first.taken_over().now_or_never().is_none());
        let again = board.place(node(1)).unwrap();
        assert!(first.taken_over().now_or_never().is_some());
        drop(first);
        assert_eq!(board.followers(), 2);
        drop((second, again));
        assert_eq!(board.followers(), 0);
        assert!(board.place(node(3)).is_some());
    }
}
