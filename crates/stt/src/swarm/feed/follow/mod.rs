//! The follower: entries from whoever has them, their objects by a fetch each, segments in order.
//!
//! ```text
//! holders   who is reached and followed, and who is not asked again     one task a holder
//! driver    entries -> fetches -> board, in order                       one task
//! object    one entry's object: fetched, and seen to be a run           a task each
//! Following the board -> segments                                       whoever reads
//! ```

mod driver;
mod holders;
mod object;
mod status;

pub use status::{FeedBlame, FollowError, FollowStatus};

use std::collections::VecDeque;
use std::sync::Arc;

use stt_wire::FeedEntry;
use tokio::sync::{oneshot, watch};

use self::driver::Driver;
use super::holding::{Holding, object_of};
use super::options::{FollowOptions, Start};
use super::record::Record;
use super::reference::FeedReference;
use super::run::segments_of;
use crate::node::Node;
use crate::storage::{BinaryStorage, ReadError};
use crate::streaming::Segment;
use crate::swarm::{Content, Sharing};

/// A feed that is followed: its segments, in order, as they come. A decoder that has their context takes them with
/// [`receive_segment`](crate::BinaryStreamDecoder::receive_segment); who only passes them on needs none.
///
/// Entries come whether this is read or not, if they are shared; otherwise as many ahead as
/// [`FollowOptions::ahead`] says. When this is dropped, following ends, and the objects leave the storage.
#[derive(Debug)]
pub struct Following {
    reference: FeedReference,
    storage: BinaryStorage,
    record: watch::Receiver<Record>,
    status: watch::Receiver<FollowStatus>,
    /// What is read: everything below this number. Its end is that of the driver.
    read: watch::Sender<u64>,
    next: Option<u64>,
    segments: VecDeque<Segment>,
    reason: oneshot::Receiver<FollowError>,
    is_over: bool,
}

impl Following {
    pub(crate) fn start(
        node: Node,
        content: &Content,
        reference: FeedReference,
        options: FollowOptions,
    ) -> Result<Self, FollowError> {
        let options = options.bound();
        let places = match options.sharing {
            Sharing::Nothing => 0,
            Sharing::Verified => options.followers,
        };
        let holding = Holding::begin(node, content, reference, places, options.keep);
        let holding = holding.ok_or(FollowError::AlreadyHere)?;
        let record = holding.board.look();
        let (read, has_read) = watch::channel(0);
        let (tell, reason) = oneshot::channel();
        let (show, status) = watch::channel(FollowStatus::default());
        let next = match options.start {
            Start::Number(number) => Some(number),
            Start::Beginning | Start::Live => None,
        };
        let driver = Driver::new(holding, Arc::new(options), has_read, show);
        content.platform.spawn(driver.run(tell));
        Ok(Self {
            reference,
            storage: content.storage.clone(),
            record,
            status,
            read,
            next,
            segments: VecDeque::new(),
            reason,
            is_over: false,
        })
    }

    /// What is followed.
    pub fn reference(&self) -> FeedReference {
        self.reference
    }

    /// How it stands.
    pub fn status(&self) -> FollowStatus {
        self.status.borrow().clone()
    }

    /// How it stands, once that has changed since the last time; `None` when it is over.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn changed(&mut self) -> Option<FollowStatus> {
        self.status.changed().await.ok()?;
        Some(self.status.borrow_and_update().clone())
    }

    /// The next segment; `None` behind the last one, or an error.
    ///
    /// # Errors
    ///
    /// [`FollowError`], once.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Option<Result<Segment, FollowError>> {
        loop {
            if let Some(segment) = self.segments.pop_front() {
                return Some(Ok(segment));
            }
            if self.is_over {
                return None;
            }
            if let Err(error) = self.read_entry().await {
                self.is_over = true;
                return Some(Err(error));
            }
        }
    }

    /// Takes the segments of the next entry.
    async fn read_entry(&mut self) -> Result<(), FollowError> {
        let entry = self.next_entry().await?;
        let object = object_of(&entry);
        let number = entry.number.get();
        let run = self.storage.retrieve(object.address).await;
        let run = match run {
            // It went while it was looked for.
            Err(ReadError::Unknown { .. }) => return Err(FollowError::Missed { number }),
            run => run?,
        };
        // It was one when it came.
        let segments = segments_of(run).map_err(|_| FollowError::FalseEntry { number })?;
        self.segments = segments.into();
        self.next = Some(number + 1);
        self.is_over = entry.is_last;
        self.read.send_replace(number + 1);
        Ok(())
    }

    async fn next_entry(&mut self) -> Result<FeedEntry, FollowError> {
        loop {
            {
                let record = self.record.borrow_and_update();
                if let Some(oldest) = record.oldest() {
                    let number = self.next.unwrap_or(oldest);
                    if let Some(entry) = record.entry(number) {
                        return Ok(*entry);
                    }
                    if number < oldest {
                        return Err(FollowError::Missed { number });
                    }
                }
            }
            if self.record.changed().await.is_err() {
                let reason = (&mut self.reason).await;
                return Err(reason.unwrap_or(FollowError::ShutDown));
            }
        }
    }
}
