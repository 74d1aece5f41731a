//! How long segments are: as asked for, or as the path of a session has it.

use stc::segment::{MAX_BODY_LEN, OVERHEAD};

use crate::session::Session;

/// Bytes of a segment, unless another size is asked for: it fits a datagram on a path that carries
/// packets of 1,200 bytes, which every path must.
pub const DEFAULT_SEGMENT_SIZE: usize = 1_140;

/// The size of the next segment.
#[derive(Debug)]
pub(super) enum SegmentSize {
    Fixed(usize),
    Path {
        session: Session,
        current: usize,
        /// Segments until the session is asked again.
        fresh_for: u32,
    },
}

impl SegmentSize {
    pub(super) fn fixed(len: usize) -> Self {
        Self::Fixed(in_range(len))
    }

    pub(super) fn path(session: &Session) -> Self {
        Self::Path {
            session: session.clone(),
            current: DEFAULT_SEGMENT_SIZE,
            fresh_for: 0,
        }
    }

    /// Counts as the beginning of a segment.
    pub(super) fn next(&mut self) -> usize {
        match self {
            Self::Fixed(len) => *len,
            Self::Path {
                session,
                current,
                fresh_for,
            } => {
                if *fresh_for == 0 {
                    *current = session
                        .max_datagram_len()
                        .map_or(DEFAULT_SEGMENT_SIZE, in_range);
                    *fresh_for = ASK_EVERY;
                }
                *fresh_for -= 1;
                *current
            }
        }
    }
}

fn in_range(len: usize) -> usize {
    len.clamp(MIN_SEGMENT_SIZE, MAX_BODY_LEN + OVERHEAD)
}

/// Room for the first signature of a signed stream, and for some data everywhere.
const MIN_SEGMENT_SIZE: usize = 256;

/// Asking takes the engine's lock; a path rarely changes.
const ASK_EVERY: u32 = 32;
