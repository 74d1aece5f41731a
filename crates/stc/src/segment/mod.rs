//! Segments: slices of a stream of bytes, each encrypted on its own and belonging to no session.
//!
//! ```text
//! segment = version u8 | suite u8 | flags u8 | stream id 16 | sequence u64 | ciphertext | tag 16
//! ```
//!
//! | | where |
//! |---|---|
//! | what a segment says in the clear | `header` |
//! | keys of a stream, and the AEAD | `keys` |
//! | a sender's one way forward | `sealer` |
//! | a receiver's checks, one segment at a time | `opener` |
//! | who made a stream | `signature` |
//!
//! *Invariant*: no nonce is used twice. A [`Sealer`] draws its own stream id, only ever counts
//! upwards, and cannot be copied.
//!
//! *Not here*: order, loss and memory. They are the business of who holds many segments.
//!
//! *Spec*: `spec/segment.md`, whose numbered rules are quoted as `SEG-n`.

mod error;
mod header;
mod keys;
mod opener;
mod sealer;
mod signature;

pub use error::{OpenSegmentError, SealSegmentError};
pub use header::{Extent, Header, Mark, SegmentStreamId};
pub use keys::SegmentContext;
pub use opener::{Body, Opened, Opener};
pub use sealer::Sealer;
pub use signature::{Digest, MAX_UNSIGNED, StreamSignature};

/// Bytes before the ciphertext.
pub const HEADER_LEN: usize = 27;

/// Bytes that sealing adds to a body: the header and the tag.
pub const OVERHEAD: usize = HEADER_LEN + TAG_LEN;

/// The longest body, 1 MiB.
pub const MAX_BODY_LEN: usize = 1 << 20;

/// The length of the stream, at the beginning of a bounded one.
pub(crate) const LENGTH_LEN: usize = 8;

use crate::aead::TAG_LEN;

#[cfg(test)]
mod tests;
