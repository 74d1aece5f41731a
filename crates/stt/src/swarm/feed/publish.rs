//! The publisher: segments as they come, to runs, to objects, to entries.

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt as _;
use stt_wire::{FeedEntry, VarInt};
use tokio::sync::oneshot;

use super::board::Board;
use super::holding::Holding;
use super::options::LiveOptions;
use super::record::Kept;
use super::reference::{ENTRY_LABEL, FeedReference};
use super::run::Run;
use crate::node::Node;
use crate::storage::{Failure, Reference, StoreError};
use crate::streaming::{EncodeError, Segment};
use crate::swarm::Content;

/// Why a feed ended before its stream of segments did. What was published by then stays, and its last entry tells
/// followers that nothing follows.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum LiveError {
    /// There are no more segments, and the stream has no end.
    #[error("the stream of segments broke off: {0}")]
    Encode(Arc<EncodeError>),
    /// A run could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The node was shut down.
    #[error("the node is shut down")]
    ShutDown,
}

impl From<Failure> for LiveError {
    fn from(failure: Failure) -> Self {
        Self::Store(failure.into())
    }
}

/// A live stream that is being published. Others have it as long as this lives, also after its end; when it is dropped, or
/// the node is shut down, the feed is over here, and its objects leave the storage. Those who follow go on with what they have.
///
/// ```
/// use futures_util::stream;
/// use stt::{BinaryStorage, BinaryStreamDecoder, BinaryStreamEncoder, FollowOptions, Group};
/// use stt::{LiveOptions, Node, NodeSeed, SystemEntropy, storage::StoreKey};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (group, seed) = (Group::generate(&mut SystemEntropy), NodeSeed::generate(&mut SystemEntropy));
/// # let directories = [tempfile::tempdir()?, tempfile::tempdir()?];
/// # let mut nodes = Vec::new();
/// # for directory in &directories {
/// #     let storage = BinaryStorage::open(directory, StoreKey::Node(&seed)).await?;
/// #     let node = Node::builder(group.clone()).bind("127.0.0.1:0".parse()?).storage(storage);
/// #     nodes.push(node.start().await?);
/// # }
/// # let (camera, viewer) = (&nodes[0], &nodes[1]);
/// let context = group.context("video")?;
/// let pictures = stream::iter(["any", " ", "bytes"].map(Into::into));
/// let encoder = BinaryStreamEncoder::live(pictures, &context);
/// let feed = camera.publish_live(encoder, LiveOptions::default())?;
///
/// let mut options = FollowOptions::default(); // with a DHT, nobody has to be named
/// options.providers = vec![viewer.connect(camera.local_addresses()[0]).await?.into()];
/// let mut following = viewer.follow(feed.reference(), options)?;
/// let mut decoder = BinaryStreamDecoder::new(&context);
/// while let Some(segment) = following.next().await {
///     let segment = segment?;
///     decoder.receive_segment(&segment, segment.sequence())?;
/// }
/// assert_eq!(decoder.receive_all().await?, "any bytes");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct LiveFeed {
    reference: FeedReference,
    board: Arc<Board>,
    outcome: oneshot::Receiver<Result<u64, LiveError>>,
    known: Option<Result<u64, LiveError>>,
    /// Its sender's end is this feed's.
    _kept: oneshot::Sender<()>,
}

impl LiveFeed {
    pub(crate) fn start<S>(
        node: &Node,
        content: &Content,
        segments: S,
        options: LiveOptions,
    ) -> Self
    where
        S: Stream<Item = Result<Segment, EncodeError>> + Send + 'static,
    {
        let options = options.bound();
        let platform = content.platform.clone();
        let (keep, kept) = oneshot::channel();
        let (tell, outcome) = oneshot::channel();
        let holding = loop {
            let reference = FeedReference {
                publisher: node.id(),
                id: platform.random(),
            };
            let (node, places) = (node.clone(), options.followers);
            let holding = Holding::begin(node, content, reference, places, options.keep);
            if let Some(holding) = holding {
                break holding;
            }
        };
        let (reference, board) = (holding.reference, Arc::clone(&holding.board));
        let publisher = Publisher {
            holding,
            options,
            next: 0,
        };
        platform.spawn(publisher.run(segments, tell, kept));
        Self {
            reference,
            board,
            outcome,
            known: None,
            _kept: keep,
        }
    }

    /// What others follow it by.
    pub fn reference(&self) -> FeedReference {
        self.reference
    }

    /// Entries so far.
    pub fn entries(&self) -> u64 {
        let record = self.board.look();
        let record = record.borrow();
        record.newest().map_or(0, |entry| entry.number.get() + 1)
    }

    /// Members that follow this node itself now.
    pub fn followers(&self) -> usize {
        self.board.followers()
    }

    /// Resolves when all segments are published, with the number of entries. Later calls give the same answer.
    ///
    /// # Errors
    ///
    /// [`LiveError`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn finished(&mut self) -> Result<u64, LiveError> {
        if let Some(known) = &self.known {
            return known.clone();
        }
        let outcome = (&mut self.outcome).await;
        let outcome = outcome.unwrap_or(Err(LiveError::ShutDown));
        self.known = Some(outcome.clone());
        outcome
    }
}

struct Publisher {
    holding: Holding,
    options: LiveOptions,
    /// The number of the next entry.
    next: u64,
}

impl Publisher {
    async fn run<S>(
        mut self,
        segments: S,
        tell: oneshot::Sender<Result<u64, LiveError>>,
        kept: oneshot::Receiver<()>,
    ) where
        S: Stream<Item = Result<Segment, EncodeError>> + Send + 'static,
    {
        let node = self.holding.node.clone();
        let publishing = async {
            let outcome = self.publish_all(segments).await;
            // Nobody may wait for it.
            let _ = tell.send(outcome);
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            () = node.stopped() => {}
            _ = kept => {}
            () = publishing => {}
        }
        self.holding.end().await;
    }

    async fn publish_all<S>(&mut self, segments: S) -> Result<u64, LiveError>
    where
        S: Stream<Item = Result<Segment, EncodeError>>,
    {
        let platform = self.holding.content.platform.clone();
        let mut segments = pin!(segments);
        let mut run = Run::default();
        let mut due: Option<Instant> = None;
        loop {
            let segment = tokio::select! {
                biased;
                () = platform.sleep_until(due) => None,
                segment = segments.next() => Some(segment),
            };
            match segment {
                None => {
                    due = None;
                    self.publish(run.take(), IsLast::No).await?;
                }
                Some(Some(Ok(segment))) => {
                    let is_full = run.len_with(&segment) > self.options.longest_run;
                    if is_full && !run.is_empty() {
                        due = None;
                        self.publish(run.take(), IsLast::No).await?;
                    }
                    due = due.or_else(|| Some(platform.now() + self.options.every));
                    run.push(&segment);
                }
                Some(Some(Err(error))) => {
                    self.publish(run.take(), IsLast::Yes).await?;
                    return Err(LiveError::Encode(Arc::new(error)));
                }
                Some(None) => {
                    self.publish(run.take(), IsLast::Yes).await?;
                    return Ok(self.next);
                }
            }
        }
    }

    /// Stores a run, and tells of it.
    async fn publish(&mut self, run: Bytes, is_last: IsLast) -> Result<(), LiveError> {
        let storage = &self.holding.content.storage;
        let address = crate::storage::Address::of(&run);
        let is_brought = !storage.contains(address).await?;
        let object = storage.store(run).await?;
        let entry = self.sign(&object, is_last);
        self.next += 1;
        self.holding.put_up(Kept { entry, is_brought }).await;
        Ok(())
    }

    fn sign(&self, object: &Reference, is_last: IsLast) -> FeedEntry {
        let mut entry = FeedEntry {
            number: VarInt::saturating(self.next),
            is_last: is_last == IsLast::Yes,
            address: *object.address.as_bytes(),
            root: object.root,
            length: VarInt::saturating(object.length),
            signature: [0; 64],
        };
        let signed = entry.signed_bytes(&self.holding.reference.id);
        let identity = &self.holding.shelves().identity;
        entry.signature = identity.sign(ENTRY_LABEL, &signed);
        entry
    }
}

/// Whether an entry is the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IsLast {
    Yes,
    No,
}
