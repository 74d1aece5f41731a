//! The log: segments of sealed records, appended to and never changed. spec: STORE-13 to STORE-17.
//!
//! ```text
//! Writer ──append──> the active segment ──sync──> acknowledged
//! scan   <──────────  any segment, over torn tails and damage
//! ```

mod header;
mod note;
mod record;
mod scan;
mod segments;
mod writer;

pub(crate) use header::{HEADER_LEN, SegmentHeader};
pub(crate) use note::{Kind, Note};
pub(crate) use record::{HEAD_LEN, Place, parse_frame};
pub(crate) use scan::{Item, Scan, scan};
pub(crate) use segments::{Segment, Segments, number_of, read_header, segment_name};
pub(crate) use writer::{TakenBack, Writer};
