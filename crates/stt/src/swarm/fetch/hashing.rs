//! The hash of the whole object, made while its blocks come, in whatever order.
//!
//! A few blocks that came too early wait in memory; others are read again from the storage.

use std::collections::BTreeMap;
use std::sync::Arc;

use stc::ContentHasher;
use tokio::sync::mpsc;

use super::driver::Event;
use super::spares::Spares;
use crate::storage::{
    Address, BinaryStorage, Failure,
    blocking::{ObjectBlocks, ObjectPart},
};
use crate::swarm::plan::MAX_FLYING;

/// What can be hashed.
#[derive(Debug)]
pub(super) enum Feed {
    /// A block that came and was compared with its name.
    Block(u64, Arc<Vec<u8>>),
    /// Blocks that can be read from the storage.
    Stored(Vec<u64>),
}

pub(super) struct Hashing {
    pub(super) storage: BinaryStorage,
    pub(super) blocks: ObjectBlocks,
    pub(super) count: u64,
    pub(super) feed: mpsc::UnboundedReceiver<Feed>,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) spares: Spares,
}

/// What is next, and what is at hand.
struct State {
    next: u64,
    held: BTreeMap<u64, Arc<Vec<u8>>>,
    is_stored: Vec<bool>,
}

impl Hashing {
    pub(super) async fn run(mut self) {
        let mut hasher = ContentHasher::new();
        let mut state = State {
            next: 0,
            held: BTreeMap::new(),
            is_stored: vec![false; self.count as usize],
        };
        while state.next < self.count {
            while let Ok(feed) = self.feed.try_recv() {
                state.take_in(feed);
            }
            let in_memory = state.take_run();
            if !in_memory.is_empty() {
                let spares = self.spares.clone();
                let work = move || {
                    for block in in_memory {
                        hasher.update(&block);
                        spares.give(block);
                    }
                    Ok::<_, Failure>(hasher)
                };
                match self.storage.calls().run_apart(work).await {
                    Ok(back) => hasher = back,
                    Err(failure) => return self.tell(Event::StorageFailed(failure.into())).await,
                }
            } else if state.is_next_stored() {
                let (blocks, first, end) = (self.blocks.clone(), state.next, state.end_of_stored());
                let work = move || read_and_hash(hasher, &blocks, first, end);
                match self.storage.calls().run_apart(work).await {
                    Ok((back, next)) => {
                        hasher = back;
                        state.next = next;
                        if next < end {
                            state.is_stored[next as usize] = false;
                            self.tell(Event::Damaged(next)).await;
                        }
                    }
                    Err(failure) => return self.tell(Event::StorageFailed(failure.into())).await,
                }
            } else {
                match self.feed.recv().await {
                    Some(feed) => state.take_in(feed),
                    None => return,
                }
                continue;
            }
            self.tell(Event::HashedUpTo(state.next)).await;
        }
        let address = Address::from_bytes(hasher.finish());
        self.tell(Event::Hashed(address)).await;
    }

    async fn tell(&self, event: Event) {
        // Nobody listens once the fetch is over.
        let _ = self.events.send(event).await;
    }
}

impl State {
    fn take_in(&mut self, feed: Feed) {
        match feed {
            Feed::Block(number, block) if number >= self.next => {
                self.held.insert(number, block);
                if self.held.len() > MAX_HELD {
                    self.held.pop_last();
                }
            }
            Feed::Block(..) => {}
            Feed::Stored(numbers) => {
                for number in numbers {
                    if let Some(is_stored) = self.is_stored.get_mut(number as usize) {
                        *is_stored = true;
                    }
                }
            }
        }
    }

    /// The blocks in memory that come next.
    fn take_run(&mut self) -> Vec<Arc<Vec<u8>>> {
        let mut run = Vec::new();
        while run.len() < RUN
            && let Some(block) = self.held.remove(&self.next)
        {
            run.push(block);
            self.next += 1;
        }
        run
    }

    fn is_next_stored(&self) -> bool {
        self.is_stored.get(self.next as usize) == Some(&true)
    }

    /// Where the run of stored blocks ends that comes next.
    fn end_of_stored(&self) -> u64 {
        let stored = self.is_stored.iter().skip(self.next as usize);
        let run = stored.take(RUN).take_while(|is_stored| **is_stored);
        self.next + run.count() as u64
    }
}

/// Hashes stored blocks up to the first that is damaged, and says which that is.
fn read_and_hash(
    mut hasher: ContentHasher,
    blocks: &ObjectBlocks,
    first: u64,
    end: u64,
) -> Result<(ContentHasher, u64), Failure> {
    for number in first..end {
        let Some(block) = blocks.part(ObjectPart::Block(number))? else {
            return Ok((hasher, number));
        };
        hasher.update(&block);
    }
    Ok((hasher, end))
}

/// Blocks in memory that came too early: as many as can be under way behind the next one.
const MAX_HELD: usize = MAX_FLYING;

/// Blocks that are hashed in one go.
const RUN: usize = 8;
