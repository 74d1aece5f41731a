//! Byte streams: reliable, ordered, with backpressure; many to a session.
//!
//! | | |
//! |---|---|
//! | ordering | bytes of one stream in order; streams independent of each other |
//! | delivery | reliable while the session lives; an early end is an error on both sides |
//! | memory | at most the stream window unread ([`Limits::stream_window`](crate::Limits)) |
//! | latency | a write leaves at once; beyond 256 small writes (under 16 KiB) that the peer's application has not read, the next one waits |
//! | cancel safety | each method says |

mod receive;
mod send;

pub use receive::{ReadError, ReadToEndError, RecvStream};
pub use send::{SendStream, WriteError};

/// Names a byte stream within its session; the same on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

impl std::fmt::Display for StreamId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
