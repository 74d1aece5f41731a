//! Compares what came with its name and stores it, one batch after the other, on threads that may block.
//!
//! *Invariant*: what was verified is durable [`SAVE_EVERY`] later, unless a single sync takes longer. spec: CONTENT-23.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::driver::Event;
use super::hashing::Feed;
use crate::storage::{
    Address, BinaryStorage, StoreError,
    blocking::{ObjectPart, PartialObject, Pushed},
};
use crate::swarm::shelves::Gained;
use crate::transport::platform::Platform;

/// What the keeper is to do.
#[derive(Debug)]
pub(super) enum Work {
    Push(ObjectPart, Vec<u8>),
    /// A block that was here is damaged.
    Lose(u64),
    /// All blocks are here, and this is the hash of them.
    Finish(Address),
    /// The fetch is given up.
    Stop,
}

/// What became of a part.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) part: ObjectPart,
    pub(super) bytes: Arc<Vec<u8>>,
    pub(super) pushed: Pushed,
}

/// The one who stores.
pub(super) struct Keeper {
    pub(super) storage: BinaryStorage,
    pub(super) platform: Platform,
    pub(super) work: mpsc::Receiver<Work>,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) hashing: mpsc::UnboundedSender<Feed>,
    pub(super) gained: watch::Sender<Gained>,
    /// Blocks that were pushed and not saved.
    pub(super) unsaved: Vec<u64>,
    pub(super) unsaved_since: Option<Instant>,
}

/// What a batch made of things.
struct Batch {
    partial: PartialObject,
    checked: Vec<Checked>,
    has_saved: bool,
    failed: Option<StoreError>,
}

impl Keeper {
    pub(super) async fn run(mut self, mut partial: PartialObject) {
        loop {
            let Some(first) = self.next().await else {
                // Nothing came in time: what is here is saved.
                match self.batch(partial, Vec::new()).await {
                    Some(back) => partial = back,
                    None => return,
                }
                continue;
            };
            match first {
                Work::Push(part, bytes) => {
                    let mut parts = vec![(part, bytes)];
                    let mut then = None;
                    while parts.len() < BATCH {
                        match self.work.try_recv() {
                            Ok(Work::Push(part, bytes)) => parts.push((part, bytes)),
                            Ok(other) => {
                                then = Some(other);
                                break;
                            }
                            Err(_) => break,
                        }
                    }
                    let Some(back) = self.batch(partial, parts).await else {
                        return;
                    };
                    partial = back;
                    match then {
                        Some(Work::Lose(number)) => partial.lose(number),
                        Some(Work::Finish(address)) => return self.finish(partial, address).await,
                        Some(Work::Stop) => return self.stop(partial).await,
                        Some(Work::Push(..)) | None => {}
                    }
                }
                Work::Lose(number) => partial.lose(number),
                Work::Finish(address) => return self.finish(partial, address).await,
                Work::Stop => return self.stop(partial).await,
            }
        }
    }

    /// The next thing to do; `None` when it is time to save.
    async fn next(&mut self) -> Option<Work> {
        let Some(since) = self.unsaved_since else {
            return Some(self.work.recv().await.unwrap_or(Work::Stop));
        };
        let age = self.platform.now().saturating_duration_since(since);
        let left = SAVE_EVERY.saturating_sub(age);
        if left.is_zero() {
            return None;
        }
        tokio::select! {
            biased;
            work = self.work.recv() => Some(work.unwrap_or(Work::Stop)),
            () = self.platform.sleep(left) => None,
        }
    }

    /// Pushes parts, and saves if that is due; `None` when the storage failed.
    async fn batch(
        &mut self,
        partial: PartialObject,
        parts: Vec<(ObjectPart, Vec<u8>)>,
    ) -> Option<PartialObject> {
        let age = self.unsaved_since.map(|since| {
            let now = self.platform.now();
            now.saturating_duration_since(since)
        });
        let is_due = parts.is_empty() || age.is_some_and(|age| age >= SAVE_EVERY);
        let work = move || Ok::<_, StoreError>(push_all(partial, parts, is_due));
        let batch = match self.storage.calls().run_apart(work).await {
            Ok(batch) => batch,
            Err(error) => {
                self.tell(Event::StorageFailed(error)).await;
                return None;
            }
        };
        for checked in batch.checked {
            if let (ObjectPart::Block(number), Pushed::Kept) = (checked.part, checked.pushed) {
                self.unsaved.push(number);
                // Hashing ends with the fetch.
                let _ = self
                    .hashing
                    .send(Feed::Block(number, Arc::clone(&checked.bytes)));
            }
            let is_manifest = !matches!(checked.part, ObjectPart::Block(_));
            self.tell(Event::Checked(checked)).await;
            if is_manifest {
                self.tell_outline(&batch.partial).await;
            }
        }
        if batch.has_saved {
            self.saved();
        } else if self.unsaved_since.is_none() && !self.unsaved.is_empty() {
            self.unsaved_since = Some(self.platform.now());
        }
        match batch.failed {
            None => Some(batch.partial),
            Some(error) => {
                self.tell(Event::StorageFailed(error)).await;
                None
            }
        }
    }

    /// Says which manifests are wanted, and which blocks are here without having come.
    pub(super) async fn tell_outline(&self, partial: &PartialObject) {
        let wanted = partial.wanted_manifests();
        let mut here = Vec::new();
        if wanted.is_empty() {
            here = (0..partial.block_count())
                .filter(|number| partial.has(*number))
                .collect();
            let news: Vec<u64> = here.clone();
            self.gain(news);
        }
        self.tell(Event::Outline { wanted, here }).await;
    }

    fn saved(&mut self) {
        self.unsaved_since = None;
        let numbers = std::mem::take(&mut self.unsaved);
        self.gain(numbers);
    }

    fn gain(&self, numbers: Vec<u64>) {
        if numbers.is_empty() {
            return;
        }
        // Hashing ends with the fetch.
        let _ = self.hashing.send(Feed::Stored(numbers.clone()));
        self.gained
            .send_modify(|gained| gained.numbers.extend(numbers));
    }

    async fn finish(&self, partial: PartialObject, address: Address) {
        let work = move || Ok::<_, StoreError>(partial.finish(address));
        let finished = self.storage.calls().run_apart(work).await;
        let event = match finished {
            Ok(finished) => Event::Finished(finished),
            Err(error) => Event::StorageFailed(error),
        };
        self.tell(event).await;
    }

    async fn stop(&mut self, partial: PartialObject) {
        let _ = self.batch(partial, Vec::new()).await;
    }

    async fn tell(&self, event: Event) {
        // Nobody listens once the fetch is over.
        let _ = self.events.send(event).await;
    }
}

fn push_all(mut partial: PartialObject, parts: Vec<(ObjectPart, Vec<u8>)>, is_due: bool) -> Batch {
    let mut checked = Vec::with_capacity(parts.len());
    let mut failed = None;
    for (part, bytes) in parts {
        match partial.push(part, &bytes) {
            Ok(pushed) => checked.push(Checked {
                part,
                bytes: Arc::new(bytes),
                pushed,
            }),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    let mut has_saved = false;
    if is_due && failed.is_none() {
        match partial.save() {
            Ok(()) => has_saved = true,
            Err(error) => failed = Some(error),
        }
    }
    Batch {
        partial,
        checked,
        has_saved,
        failed,
    }
}

/// Parts that are stored in one go.
const BATCH: usize = 4;

/// Half of what a crash may cost: a sync takes its time too.
const SAVE_EVERY: Duration = Duration::from_secs(1);
