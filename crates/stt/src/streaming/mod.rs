//! Streams of encrypted segments: [`BinaryStreamEncoder`] makes them, [`BinaryStreamDecoder`] takes
//! them, whatever carries them in between.
//!
//! A segment belongs to a context, not to a session: it can be sent on a session, to many peers,
//! through somebody else, or lie in a store, and whoever holds the context opens it. A context comes
//! from a session ([`Session::context`](crate::Session::context), forward secret), from a group
//! ([`Group::context`](crate::Group::context); a passphrase has none) or from any 32 random bytes.
//!
//! ```
//! use stt::{BinaryStreamDecoder, BinaryStreamEncoder, StcContext};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let context = StcContext::from_seed(&[7; 32], "video");
//! let mut encoder = BinaryStreamEncoder::bounded("any bytes", &context);
//! let mut decoder = BinaryStreamDecoder::new(&context);
//! while let Some(segment) = encoder.next().await {
//!     let segment = segment?; // a clone of it for each who shall have it
//!     decoder.receive_segment(&segment, segment.sequence())?;
//! }
//! assert_eq!(decoder.receive_all().await?, "any bytes");
//! # Ok(())
//! # }
//! ```
//!
//! | | where |
//! |---|---|
//! | bytes to segments | `encoder` |
//! | segments to bytes | `decoder` |
//! | the format, and its cryptography | [`stc::segment`], `spec/segment.md` |

mod decoder;
mod encoder;
mod segment;

pub use decoder::{
    BinaryStreamDecoder, DecodeError, DecoderBuilder, DecoderStats, GapPolicy, Received,
    SegmentError, SegmentFeeder,
};
pub use encoder::{
    BinaryStreamEncoder, DEFAULT_FLUSH_DELAY, DEFAULT_SEGMENT_SIZE, EncodeError, EncoderBuilder,
};
pub use segment::Segment;
pub use stc::segment::{OpenSegmentError, SealSegmentError, SegmentStreamId};
