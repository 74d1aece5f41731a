//! Sealed objects: an object that others may keep, and only those read who have its reference.
//!
//! ```text
//! object ──> seal ──> segments of 64 KiB, one behind the other ──> an object like any other
//! reader <── open <── ADDRESS:ROOT:LENGTH:KEY
//! ```
//!
//! *Invariant*: nothing is handed out that is not authentic and in its place, and a cut is no end. *Not here*:
//! who keeps it.
//!
//! *spec:* COPY-20 to COPY-22.

mod open;
mod reference;
mod seal;

pub use open::{OpenSealedError, SealedReader};
pub use reference::{ContentKey, ParseSealedReferenceError, SealedReference};
pub use seal::SealError;

use stc::StcContext;

/// The context of an object that was sealed under this key.
fn context(key: &ContentKey) -> StcContext {
    StcContext::from_seed(key.as_bytes(), "stt sealed object")
}

/// Bytes of every segment but the last.
const SEGMENT_LEN: usize = 64 << 10;
