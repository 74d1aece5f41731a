//! What a stream says that it is.

use stt_wire::{
    DecodeError, FrameDecoder, Open, OpenError, RegisteredStreamCode, StreamKind,
    limits::MAX_OPEN_LEN,
};

use crate::session::stream::RecvStream;

/// A stream of which the first frame was read.
#[derive(Clone, Copy)]
pub(super) enum Named {
    As(StreamKind),
    /// Refuse it and go on.
    Refused(RegisteredStreamCode),
    /// The peer doesn't speak our language.
    Broken(DecodeError),
    /// It ended before it said what it is.
    Gone,
}

/// The reading of a stream's first frame, and not of a byte more, because what follows belongs to
/// someone else. Can be interrupted and taken up again.
pub(super) struct Naming {
    decoder: FrameDecoder,
    missing: usize,
}

impl Default for Naming {
    fn default() -> Self {
        Self {
            decoder: FrameDecoder::new(MAX_OPEN_LEN),
            missing: SHORTEST_FRAME,
        }
    }
}

impl Naming {
    /// Cancel safe.
    pub(super) async fn name(&mut self, recv: &mut RecvStream) -> Named {
        loop {
            let mut piece = match recv.read_header(self.missing).await {
                Ok(Some(piece)) => piece,
                Ok(None) if !self.decoder.is_idle() => {
                    return Named::Broken(DecodeError::Truncated);
                }
                Ok(None) | Err(_) => return Named::Gone,
            };
            self.missing = missing_after(self.missing, &piece);
            match self.decoder.decode(&mut piece) {
                Ok(None) => {}
                Ok(Some(frame)) => {
                    return match Open::decode(frame) {
                        Ok(open) => Named::As(open.kind),
                        Err(error) => refuse(error),
                    };
                }
                Err(error) => return Named::Broken(error),
            }
        }
    }
}

/// How many bytes are still certain to belong to the frame. The header's second byte, if below 64,
/// is the length of all that follows; longer forms are read byte for byte.
fn missing_after(asked: usize, piece: &[u8]) -> usize {
    match piece {
        [_, len @ 1..64] if asked == SHORTEST_FRAME => usize::from(*len),
        _ => asked.saturating_sub(piece.len()).max(1),
    }
}

fn refuse(error: OpenError) -> Named {
    match (error.stream_code(), error) {
        (Some(code), _) => Named::Refused(code),
        (None, OpenError::Malformed(error)) => Named::Broken(error),
        (None, _) => Named::Broken(DecodeError::Truncated),
    }
}

/// Type and length.
const SHORTEST_FRAME: usize = 2;
