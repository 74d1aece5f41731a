//! Requests for content and their answers: one request on a stream.
//!
//! ```text
//! opener -- OPEN(CONTENT_REQUEST) | LOOK, end ----------------> holder
//! opener <------------- HOLDING, HAVE, HAVE ..., end ---------- holder
//!
//! opener -- OPEN(CONTENT_REQUEST) | TAKE, end ----------------> holder
//! opener <------------- PIECE | raw bytes, end ---------------- holder
//! ```
//!
//! *Invariant.* Every list is bounded by its count before anything is stored, and every value has
//! one encoding.
//!
//! *Not here.* Who serves what, and whether the bytes are true: `stt`.
//!
//! *spec:* `spec/content.md`, CONTENT-1 to CONTENT-12.

mod answer;
mod request;
mod spans;

pub use answer::{ContentAnswer, Holding};
pub use request::{ContentPart, ContentRequest};
pub use spans::{Span, Spans};
