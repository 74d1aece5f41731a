//! What a stream says that it is.

use bytes::Buf;
use stt_wire::{
    DecodeError, FrameDecoder, Open, OpenError, RegisteredStreamCode, StreamKind,
    limits::MAX_OPEN_LEN,
};

use crate::session::{stream::RecvStream, write_queue::DATA_HEADER};

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

/// The reading of a stream's first frame. Can be interrupted and taken up again.
pub(super) struct Naming(FrameDecoder);

impl Default for Naming {
    fn default() -> Self {
        Self(FrameDecoder::new(MAX_OPEN_LEN))
    }
}

impl Naming {
    /// What comes after the first frame stays with the stream. Cancel safe.
    pub(super) async fn name(&mut self, recv: &mut RecvStream) -> Named {
        loop {
            let mut piece = match recv.read_header().await {
                Ok(Some(piece)) => piece,
                Ok(None) if !self.0.is_idle() => return Named::Broken(DecodeError::Truncated),
                Ok(None) | Err(_) => return Named::Gone,
            };
            // Most streams begin so, and in one piece.
            if self.0.is_idle() && piece.starts_with(&DATA_HEADER) {
                piece.advance(DATA_HEADER.len());
                recv.give_back(piece);
                return Named::As(StreamKind::DATA_STREAM);
            }
            let frame = match self.0.decode(&mut piece) {
                Ok(None) => continue,
                Ok(Some(frame)) => frame,
                Err(error) => return Named::Broken(error),
            };
            recv.give_back(piece);
            return match Open::decode(frame) {
                Ok(open) => Named::As(open.kind),
                Err(error) => refuse(error),
            };
        }
    }
}

fn refuse(error: OpenError) -> Named {
    match (error.stream_code(), error) {
        (Some(code), _) => Named::Refused(code),
        (None, OpenError::Malformed(error)) => Named::Broken(error),
        (None, _) => Named::Broken(DecodeError::Truncated),
    }
}
