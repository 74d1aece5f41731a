//! Seigr Toolset Crypto: the cryptographic core of STT.
//!
//! Everything here is a function of its arguments. Bytes, randomness and keys come in, bytes and
//! keys go out:
//!
//! ```text
//!  NodeSeed ──> Identity ─────────────┐
//!                                     ├──> handshake ──> traffic secrets ──> packet keys
//!  text ──> Group ──> SeedKeys ───────┘        └───────> Exporter ──┐
//!             └──────────────────────────────────────────────────── ┴──> StcContext
//! ```
//!
//! *Invariants.*
//! - *Pure*: no clock, no socket, no thread, no randomness of the system. Randomness is an
//!   argument ([`Entropy`]). The one named exception is [`MlKem768`], whose library draws its own.
//!   The machine is asked only which instructions it has ([`Suite::preferred`]).
//! - *Nothing weak on a wire*: from a passphrase only inputs of the password-authenticated key
//!   exchange are derived. There is no code path from a passphrase to a tag, a context or a name.
//! - *Refusals look alike*: whatever cryptography refuses has one wire code; the reason is for the
//!   local log only.
//!
//! *Not here*: storage formats, frames, and everything that needs a clock, such as how
//! long an old epoch is accepted.
//!
//! *Spec*: `spec/stc.md`, whose numbered rules are quoted as `STC-n`, and `spec/segment.md`, as
//! `SEG-n`.

mod aead;
mod content;
mod context;
mod cpace;
mod entropy;
mod group;
mod identity;
mod kdf;
mod secret;
mod suite;

#[doc(hidden)]
pub mod fuzzing;
pub mod handshake;
pub mod kem;
pub mod packet;
pub mod segment;

pub use aead::OpenError;
pub use content::{ContentHasher, content_address};
pub use context::{ProbabilisticHash, StcContext};
pub use entropy::Entropy;
pub use group::{
    ContextError, Door, Epoch, Group, GroupId, MAX_EPOCHS, MergeError, ParseGroupError,
    PassphraseError, RotateError, SeedKeys,
};
pub use identity::{Identity, NodeId, NodeSeed, ParseNodeIdError, SignatureError};
pub use kem::{Kem, MlKem768};
pub use secret::Secret;
pub use suite::Suite;
