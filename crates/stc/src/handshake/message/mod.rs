//! The five messages: bytes to fields and back. spec: STC-22, STC-23.
//!
//! ```text
//! message = type u8 | length u24 | body                 all integers big-endian
//! ```
//!
//! *Invariant*: a decoder consumes its input exactly, or refuses it; it never panics.

mod finish;
mod frame;
mod hello;
mod proof;
mod response;

pub(crate) use finish::FinalMessage;
pub(super) use frame::Frame;
pub(crate) use frame::MessageType;
pub use frame::{MAX_MESSAGE_LEN, message_len};
pub(crate) use hello::Hello;
pub use hello::MAX_PARAMETERS_LEN;
pub(crate) use proof::{AuthProof, ProofFields, ResponseProof};
pub(crate) use response::Response;
