//! Content from many peers: what is published here is served, and what others hold is fetched.
//!
//! ```text
//! Node::publish ──> shelves ──> exchange/serve <── LOOK, TAKE of peers
//! Node::fetch ──────> fetch/driver <── plan (pure): who sends which block
//!                        |    |
//!             exchange/ask    keeper: compared, stored ──> hashing: is it the address?
//!
//! Node::replicate ──> replication/driver ──> exchange/keep ──> offer of a peer, which fetches
//!
//! Node::publish_live ──> feed/publish ──> feed/serve <── FOLLOW of peers
//! Node::follow ──> feed/follow ──> a fetch for each entry
//! ```
//!
//! *Invariants.* Nothing is served that was not published. Nothing is kept that is not what its name says, and
//! nothing is an object before the hash of all of it is its address. All that a peer can make us hold or do is
//! bounded.
//!
//! *Not here.* Who has an object: the application says, or the DHT. The bytes on disk: [`crate::storage`].
//!
//! *spec:* CONTENT-1 to CONTENT-24, COPY-1 to COPY-22, FEED-1 to FEED-23.

mod exchange;
mod feed;
mod fetch;
mod offer;
mod plan;
mod replication;
mod shelves;

pub(crate) use exchange::serve::{Desk, serve};
pub(crate) use feed::serve as serve_feeds;
pub use feed::{
    FeedBlame, FeedReference, FollowError, FollowOptions, FollowStatus, Following, LiveError,
    LiveFeed, LiveOptions, ParseFeedReferenceError, Start,
};
pub(crate) use fetch::Search;
pub use fetch::{
    Blame, Fetch, FetchError, FetchOptions, FetchProgress, Provider, ProviderProgress,
    ProviderState, Sharing, Wanted,
};
pub use offer::{LeasesError, OfferOptions};
pub(crate) use offer::{Offer, serve as serve_keeping};
pub use replication::{
    CopyState, CopyStatus, PlaceError, ReplicateError, ReplicateOptions, Replication,
    ReplicationStatus, Sealing,
};
pub use shelves::PublishError;
pub(crate) use shelves::{Content, Giving, Rack, Shelves};
