//! A camera that makes a stream, members with storage, and viewers that see whether it is whole.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use parking_lot::Mutex;
use stt::{
    BinaryStorage, BinaryStreamEncoder, FeedReference, FollowError, FollowOptions, Following,
    LiveFeed, LiveOptions, Node, NodeSeed, Segment, Session, Start, StcContext,
    storage::{MemoryBackend, StorageOptions, StoreKey},
    streaming::EncodeError,
};
use stt_sim::Sim;

use crate::support::{World, payload};
use crate::village::{builder, joining};

pub(crate) fn context() -> StcContext {
    StcContext::from_seed(&[7; 32], "feed")
}

/// What a camera makes: a picture every 100 ms, and what became of it.
#[derive(Clone)]
pub(crate) struct Camera {
    sim: Sim,
    world: Arc<World>,
    /// Bytes of a picture.
    picture: usize,
    made: Arc<Mutex<Vec<(Segment, Instant)>>>,
}

impl Camera {
    pub(crate) fn new(sim: &Sim, world: &Arc<World>, picture: usize) -> Self {
        Self {
            sim: sim.clone(),
            world: Arc::clone(world),
            picture,
            made: Arc::default(),
        }
    }

    /// So many pictures, as segments. Each is noted when it is made.
    pub(crate) fn film(
        &self,
        pictures: u64,
    ) -> impl Stream<Item = Result<Segment, EncodeError>> + Send + 'static {
        let (sim, len) = (self.sim.clone(), self.picture);
        let source = stream::unfold(0, move |number| {
            let sim = sim.clone();
            async move {
                sim.sleep(Duration::from_millis(100)).await;
                (number < pictures).then(|| (picture(number, len), number + 1))
            }
        });
        let encoder = BinaryStreamEncoder::builder(&context());
        let encoder = encoder.platform(self.world.platform("camera")).live(source);
        let (sim, made) = (self.sim.clone(), Arc::clone(&self.made));
        encoder.inspect(move |segment| {
            let segment = segment.as_ref().unwrap().clone();
            made.lock().push((segment, sim.now()));
        })
    }

    pub(crate) fn made(&self) -> Vec<(Segment, Instant)> {
        self.made.lock().clone()
    }
}

fn picture(number: u64, len: usize) -> Bytes {
    payload(number, len).into()
}

/// All bytes of a film.
pub(crate) fn film(pictures: u64, len: usize) -> Vec<u8> {
    (0..pictures)
        .flat_map(|number| picture(number, len))
        .collect()
}

/// A member with storage of its own.
pub(crate) struct Member {
    pub(crate) node: Node,
    pub(crate) storage: BinaryStorage,
}

pub(crate) async fn storage() -> BinaryStorage {
    let seed = NodeSeed::from_bytes([1; 32]);
    let options = StorageOptions::default();
    let backend = Arc::new(MemoryBackend::new());
    let opened = options.open_backend(backend, StoreKey::Node(&seed)).await;
    opened.unwrap()
}

impl Member {
    /// On a host, without a DHT.
    pub(crate) async fn new(world: &World, host: u8) -> Self {
        let storage = storage().await;
        let node = world.start(world.builder(host).storage(storage.clone()));
        let node = node.await;
        Self { node, storage }
    }

    /// On a host, in the DHT of the village.
    pub(crate) async fn villager(world: &World, host: u8) -> Self {
        let storage = storage().await;
        let builder = builder(world, host, joining(1)).storage(storage.clone());
        let node = builder.start().await.unwrap();
        Self { node, storage }
    }

    pub(crate) fn publish(&self, camera: &Camera, pictures: u64) -> LiveFeed {
        self.publish_with(camera, pictures, LiveOptions::default())
    }

    pub(crate) fn publish_with(
        &self,
        camera: &Camera,
        pictures: u64,
        options: LiveOptions,
    ) -> LiveFeed {
        self.node
            .publish_live(camera.film(pictures), options)
            .unwrap()
    }

    pub(crate) fn follow(&self, feed: FeedReference, options: FollowOptions) -> Following {
        self.node.follow(feed, options).unwrap()
    }

    pub(crate) async fn objects(&self) -> u64 {
        self.storage.stats().await.unwrap().objects
    }
}

/// From these holders, and nobody else.
pub(crate) fn from<'a>(
    start: Start,
    holders: impl IntoIterator<Item = &'a Session>,
) -> FollowOptions {
    let mut options = FollowOptions::default();
    options.start = start;
    options.providers = holders.into_iter().map(Into::into).collect();
    options
}

/// What a viewer got, and when.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) segments: Vec<(Segment, Instant)>,
    pub(crate) error: Option<FollowError>,
}

impl Seen {
    /// All segments up to the end, or an error.
    pub(crate) async fn to_the_end(sim: &Sim, following: &mut Following) -> Self {
        let mut seen = Self::default();
        while let Some(segment) = following.next().await {
            match segment {
                Ok(segment) => seen.segments.push((segment, sim.now())),
                Err(error) => seen.error = Some(error),
            }
        }
        seen
    }

    /// Sees that these are the segments that the camera made, from one of them to the end.
    pub(crate) fn assert_whole_from(&self, camera: &Camera, first: usize) {
        assert!(self.error.is_none(), "{:?}", self.error);
        let made = camera.made();
        assert_eq!(self.segments.len(), made.len() - first);
        let pairs = self.segments.iter().zip(&made[first..]);
        assert!(pairs.into_iter().all(|((seen, _), (made, _))| seen == made));
    }

    /// The longest time from when a segment was made until it was seen, from one of them on.
    pub(crate) fn longest_delay(&self, camera: &Camera, from: usize) -> Duration {
        let made = camera.made();
        let of_segment = |(segment, at): &(Segment, Instant)| {
            let number = segment.sequence() as usize;
            (number >= from).then(|| *at - made[number].1)
        };
        self.segments.iter().filter_map(of_segment).max().unwrap()
    }
}
