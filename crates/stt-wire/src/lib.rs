//! The frames of STT: bytes to types and back.
//!
//! ```text
//! stream bytes --> FrameDecoder --> RawFrame --> Open | ControlFrame | LaneFrame | UserFrame | ...
//!                                                        |
//! stream bytes <---------------- encode <----------------+
//! ```
//!
//! The crate is pure: no clock, no socket, no randomness, no threads. It is the only place that
//! knows an offset of the wire format; the law it implements is `spec/wire.md`, the messages of
//! `spec/dht.md`, `spec/relay.md`, `spec/content.md`, `spec/copies.md` and `spec/feed.md` and the beacon of `spec/reach.md`, its
//! numbers are in `spec/registry`.
//!
//! *Invariants.* No input makes it panic. Nothing is allocated by a length field before the bytes
//! are there. Every value has exactly one encoding, so whatever decodes encodes to the same bytes.
//!
//! *Not here.* What a frame makes a session do: crate `stt`. Encryption: crate `stc`.

mod beacon;
mod code;
mod content;
mod control;
mod dht;
mod endpoint;
mod error;
mod event;
mod feed;
mod fields;
mod frame;
mod keep;
mod lane;
pub mod limits;
mod name;
mod open;
mod relay;
#[cfg(test)]
mod testing;
mod user;
pub mod varint;

pub use beacon::Beacon;
pub use code::{CloseCode, RegisteredClose, RegisteredStreamCode, StreamCode};
pub use content::{ContentAnswer, ContentPart, ContentRequest, Holding, Span, Spans};
pub use control::{
    Candidate, Candidates, Checkpoint, Closing, ControlFrame, Credit, Finished, Mapping, Reached,
    Released,
};
pub use dht::{
    Addresses, Ask, Contact, DhtAnswer, DhtRequest, DialOutcome, KeptMembers, Mode, Purpose,
    PutOutcome, Record, RecordKind, Whereabouts,
};
pub use endpoint::{EndpointAnswer, EndpointFrame, ItemOutcome};
pub use error::DecodeError;
pub use event::EventFrame;
pub use feed::{FeedAnswer, FeedEntry, FeedRequest};
pub use frame::{FrameDecoder, FrameHeader, FrameType, RawFrame, encode_frame, encode_header};
pub use keep::{Declined, KeepAnswer, KeepRequest, KeptLease, KeptLeases};
pub use lane::{LaneFrame, Message, MessageMore, MessageStart, Release};
pub use name::{Name, NameTooLong};
pub use open::{Direction, Open, OpenError, StreamKind};
pub use relay::{RelayAnswer, RelayRequest, Unreached};
pub use user::{ReservedFrameType, UserFrame, UserFrameType};
pub use varint::{VarInt, VarIntTooLarge};
