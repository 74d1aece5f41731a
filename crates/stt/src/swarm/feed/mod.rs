//! Feeds: live streams of segments that are published while they are made, and passed on by who follows them.
//!
//! ```text
//! Node::publish_live ──> publish: segments ──> runs ──> objects, entries ──> board
//! Node::follow ──> follow: entries of holders ──> fetched, compared ──> board ──> segments
//!                                                 board ──> serve <── FOLLOW of peers
//! ```
//!
//! *Invariants.* An entry is on the board when its object is here, and in order. What is given out is a run of segments.
//! Of what was here before a feed named it, nothing is removed.
//!
//! *Not here.* The bytes of objects, which come and go by [`fetch`](super::fetch) and [`exchange`](super::exchange); what
//! segments hold, which only those can read who have their context.
//!
//! *spec:* FEED-1 to FEED-23.

mod board;
mod follow;
mod holding;
mod options;
mod publish;
mod record;
mod reference;
mod run;
mod serve;

pub(super) use board::Boards;
pub use follow::{FeedBlame, FollowError, FollowStatus, Following};
pub use options::{FollowOptions, LiveOptions, Start};
pub use publish::{LiveError, LiveFeed};
pub use reference::{FeedReference, ParseFeedReferenceError};
pub(crate) use serve::serve;
