//! Requests for the entries of a feed, and the entries: one request on a stream, and answers as they come.
//!
//! ```text
//! follower -- OPEN(FEED_REQUEST) | FOLLOW, end -----------------> holder
//! follower <------------- ENTRY, ENTRY, ... as they come, end --- holder
//! ```
//!
//! *Invariant.* Every value has one encoding.
//!
//! *Not here.* Who signed an entry, and what its object holds: `stt`.
//!
//! *spec:* `spec/feed.md`, FEED-1 to FEED-14.

mod answer;
mod entry;
mod request;

pub use answer::FeedAnswer;
pub use entry::FeedEntry;
pub use request::FeedRequest;
