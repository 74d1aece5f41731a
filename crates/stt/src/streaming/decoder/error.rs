//! What can be wrong with one segment, and with a stream.

use std::{io, ops::Range};

use stc::segment::OpenSegmentError;

/// Why a segment was not taken. Nothing of it is kept; the stream goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentError {
    /// No segment, of another stream, not authentic, or not the one it was said to be.
    #[error(transparent)]
    Refused(#[from] OpenSegmentError),
    /// A replay: this number was taken before.
    #[error("segment {sequence} was taken before")]
    Duplicate {
        /// Its number.
        sequence: u64,
    },
    /// It was given up as lost before it came.
    #[error("segment {sequence} came after it was given up")]
    TooLate {
        /// Its number.
        sequence: u64,
    },
    /// Further ahead of the first missing one than the window reaches: hand it in again later.
    #[error("segment {sequence} is beyond the window, which ends before {end}")]
    TooFarAhead {
        /// Its number.
        sequence: u64,
        /// The first number beyond the window.
        end: u64,
    },
    /// The window holds as many bytes as it may: hand it in again when they are read.
    #[error("window is full: {held} bytes of {max}")]
    Full {
        /// Bytes that are held.
        held: usize,
        /// Bytes that may be.
        max: usize,
    },
    /// Beyond the end of the stream, or another end: whoever sealed it broke the rules.
    #[error("segment {sequence} contradicts the end of the stream")]
    ContradictsEnd {
        /// Its number.
        sequence: u64,
    },
    /// A signer is demanded, and the stream carries no signatures.
    #[error("stream is not signed")]
    Unsigned,
    /// A signature that the demanded signer did not make.
    #[error("signature in segment {sequence} is not of the demanded signer")]
    BadSignature {
        /// Its number.
        sequence: u64,
    },
}

/// Why the next bytes of a stream are not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// These segments were given up, as [`GapPolicy::SkipAfter`](super::GapPolicy::SkipAfter) says.
    /// What follows comes next: this error does not end the stream.
    #[error("segments {} to {} were lost", sequences.start, sequences.end - 1)]
    Gap {
        /// Their numbers.
        sequences: Range<u64>,
    },
    /// No more segments come, and these are missing below ones that came. The first hole counts.
    #[error("segments {} to {} are missing", sequences.start, sequences.end - 1)]
    Lost {
        /// Their numbers.
        sequences: Range<u64>,
    },
    /// No more segments come, and the stream has not ended: it was cut off.
    #[error("stream was cut off before segment {next}, after {bytes} bytes")]
    Truncated {
        /// The number of the first segment that did not come.
        next: u64,
        /// Bytes of data before it.
        bytes: u64,
    },
    /// A bounded stream has another length than its beginning says: a fault of whoever sealed it.
    #[error("stream of {sealed} bytes has {actual}")]
    WrongLength {
        /// The length at its beginning.
        sealed: u64,
        /// The bytes that came, perhaps not all.
        actual: u64,
    },
    /// A signer is demanded, and he did not sign this segment: a member of the group made it up.
    #[error("segment {sequence} is not of the demanded signer")]
    Forged {
        /// Its number.
        sequence: u64,
    },
    /// More bytes than were to be collected.
    #[error("stream exceeds {max} bytes")]
    TooLong {
        /// Bytes that were to be collected at most.
        max: usize,
    },
}

impl From<DecodeError> for io::Error {
    fn from(error: DecodeError) -> Self {
        let kind = match error {
            DecodeError::Truncated { .. } | DecodeError::Lost { .. } => {
                io::ErrorKind::UnexpectedEof
            }
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}
