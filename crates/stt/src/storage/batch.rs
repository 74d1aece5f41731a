//! Small objects that are stored at the same time share a sync.
//!
//! ```text
//! store ──> queue ──> lane: takes all that waits, hashes, seals, appends, syncs ──> answers
//! ```
//!
//! A lane is a blocking thread that ends when the queue is empty. There are at most two, so that
//! one hashes while the other one syncs.
//!
//! *Invariant*: while something waits, a lane is at work.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use stt_store::{Failure, Reference, StoreError};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::BinaryStorage;
use super::calls::Tenant;

/// Objects of up to one block.
pub(super) const MAX_OBJECT_LEN: usize = 1 << 20;

/// What waits to be stored.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// One for each KiB that may wait.
    room: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Waiting>,
    lanes: usize,
}

#[derive(Debug)]
struct Waiting {
    bytes: Bytes,
    answer: oneshot::Sender<Result<Reference, StoreError>>,
    _room: OwnedSemaphorePermit,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            room: Arc::new(Semaphore::new(MAX_WAITING_KIB)),
        }
    }
}

impl BinaryStorage {
    pub(super) async fn store_small(&self, bytes: Bytes) -> Result<Reference, StoreError> {
        let room = Arc::clone(&self.small.room);
        let needed = 1 + bytes.len().div_ceil(1024) as u32;
        let room = room.acquire_many_owned(needed).await;
        let tenant = self.calls.enter()?;
        let (answer, answered) = oneshot::channel();
        self.small.push(
            tenant,
            Waiting {
                bytes,
                answer,
                _room: room.map_err(|_| Failure::Closed)?,
            },
        );
        answered.await.map_err(|_| Failure::Stopped)?
    }
}

impl Queue {
    fn push(self: &Arc<Self>, tenant: Tenant, waiting: Waiting) {
        let mut state = self.state.lock();
        state.waiting.push_back(waiting);
        if state.lanes == MAX_LANES {
            return;
        }
        state.lanes += 1;
        drop(state);
        let lane = Lane {
            queue: Arc::clone(self),
            tenant,
            is_over: false,
        };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || lane.run())),
            // In a simulation.
            Err(_) => lane.run(),
        }
    }

    /// What is stored next; `None` ends the lane that asks.
    fn take(&self) -> Option<Vec<Waiting>> {
        let mut state = self.state.lock();
        let mut batch = Vec::new();
        let mut len = 0;
        while batch.len() < MAX_BATCH && len < MAX_BATCH_LEN {
            let Some(waiting) = state.waiting.pop_front() else {
                break;
            };
            // Nobody waits for it any more.
            if waiting.answer.is_closed() {
                continue;
            }
            len += waiting.bytes.len();
            batch.push(waiting);
        }
        if batch.is_empty() {
            state.lanes -= 1;
            return None;
        }
        Some(batch)
    }
}

/// A thread that stores what waits.
struct Lane {
    queue: Arc<Queue>,
    tenant: Tenant,
    is_over: bool,
}

impl Lane {
    fn run(mut self) {
        while let Some(batch) = self.queue.take() {
            let objects: Vec<_> = batch.iter().map(|waiting| &waiting.bytes).collect();
            let results = self.tenant.store.store_each(&objects);
            for (waiting, result) in batch.into_iter().zip(results) {
                // Who does not wait any more does not want to know.
                let _ = waiting.answer.send(result);
            }
        }
        self.is_over = true;
    }
}

impl Drop for Lane {
    /// A lane that the runtime never ran, or that panicked, must not let others wait for it.
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let mut state = self.queue.state.lock();
        state.lanes -= 1;
        if state.lanes == 0 {
            // Whoever waits hears that nobody will answer.
            state.waiting.clear();
        }
    }
}

/// Lanes of one store at a time.
const MAX_LANES: usize = 2;
/// What waits, in KiB.
const MAX_WAITING_KIB: usize = 32 << 10;
/// Objects of one sync.
const MAX_BATCH: usize = 4096;
/// Bytes of one sync, about.
const MAX_BATCH_LEN: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{MemoryBackend, StorageOptions, StoreKey};
    use stc::NodeSeed;

    async fn storage() -> BinaryStorage {
        let seed = NodeSeed::from_bytes([1; 32]);
        let backend = Arc::new(MemoryBackend::new());
        let options = StorageOptions::default();
        options
            .open_backend(backend, StoreKey::Node(&seed))
            .await
            .unwrap()
    }

    fn waiting(
        bytes: &'static [u8],
    ) -> (Waiting, oneshot::Receiver<Result<Reference, StoreError>>) {
        let (answer, answered) = oneshot::channel();
        let room = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let bytes = Bytes::from_static(bytes);
        let waiting = Waiting {
            bytes,
            answer,
            _room: room,
        };
        (waiting, answered)
    }

    #[tokio::test]
    async fn lane_that_never_ran_lets_nobody_wait_for_it() {
        let storage = storage().await;
        let (one, mut answered) = waiting(b"one");
        let queue = Arc::new(Queue::default());
        queue.state.lock().waiting.push_back(one);
        queue.state.lock().lanes = 1;
        drop(Lane {
            queue: Arc::clone(&queue),
            tenant: storage.calls.enter().unwrap(),
            is_over: false,
        });
        assert!(answered.try_recv().is_err());
        assert_eq!(queue.state.lock().lanes, 0);
    }

    #[tokio::test]
    async fn object_that_nobody_waits_for_any_more_is_not_stored() {
        let storage = storage().await;
        let (one, one_answered) = waiting(b"one");
        let (other, mut other_answered) = waiting(b"other");
        drop(one_answered);
        let queue = Arc::new(Queue::default());
        queue.state.lock().waiting.extend([one, other]);
        queue.state.lock().lanes = 1;
        Lane {
            queue,
            tenant: storage.calls.enter().unwrap(),
            is_over: false,
        }
        .run();
        assert!(other_answered.try_recv().unwrap().is_ok());
        assert_eq!(storage.stats().await.unwrap().objects, 1);
    }
}
