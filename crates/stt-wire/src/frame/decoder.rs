//! Frames out of a byte stream, in whatever pieces it arrives.
//!
//! ```text
//!            all of the frame in this chunk: split off, no copy
//! chunk ---> header ---> payload ------------------------------> RawFrame
//!               ^           | gathered as it arrives, one copy
//!               +-- more ---+
//! ```
//!
//! *Invariants.* It takes from a chunk only what the frame needs and leaves the rest to the caller
//! (after OPEN, a data stream's raw bytes). It holds at most `limit` payload bytes, in an
//! allocation that grows with the bytes that came, never with the length announced. A piece of a
//! frame is copied at once, so that many tiny chunks cannot pin many large packets. The first
//! error is kept and repeated.
//!
//! *spec:* WIRE-1 to WIRE-4.

use bytes::{Buf, Bytes};

use super::{FrameHeader, RawFrame};
use crate::DecodeError;

/// Takes frames off the chunks of one stream.
#[derive(Debug)]
pub struct FrameDecoder {
    /// Longest payload, in bytes.
    limit: usize,
    /// The frame under way, once its header is known.
    header: Option<Pending>,
    /// The bytes of the frame under way: of its header first, of its payload then.
    gathered: Vec<u8>,
    failure: Option<DecodeError>,
}

/// A header whose length was found to be within the limit.
#[derive(Debug, Clone, Copy)]
struct Pending {
    header: FrameHeader,
    len: usize,
}

impl FrameDecoder {
    /// Makes a decoder that refuses payloads of more than `limit` bytes.
    pub const fn new(limit: usize) -> Self {
        Self {
            limit,
            header: None,
            gathered: Vec::new(),
            failure: None,
        }
    }

    /// Refuses payloads of more than `limit` bytes from now on; a frame whose header was taken is
    /// not looked at again.
    pub const fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Takes the next frame off the front of `chunk`.
    ///
    /// `None` means that `chunk` is used up and the frame not complete: come again with the next
    /// chunk. After a frame, what is left of `chunk` belongs to the next one: call again until
    /// `None`.
    ///
    /// # Errors
    ///
    /// [`DecodeError::IllegalType`], [`DecodeError::NonMinimalVarint`] or
    /// [`DecodeError::TooLong`], as soon as the header shows it. The error stays.
    #[inline]
    pub fn decode(&mut self, chunk: &mut Bytes) -> Result<Option<RawFrame>, DecodeError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        self.advance(chunk)
            .inspect_err(|failure| self.failure = Some(*failure))
    }

    /// States that the stream has ended.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`] if it ended inside a frame, or the error that stopped the
    /// decoder before.
    pub const fn finish(&self) -> Result<(), DecodeError> {
        match self.failure {
            Some(failure) => Err(failure),
            None if self.is_idle() => Ok(()),
            None => Err(DecodeError::Truncated),
        }
    }

    /// Whether the last frame is complete and nothing of the next has come.
    pub const fn is_idle(&self) -> bool {
        self.header.is_none() && self.gathered.is_empty()
    }

    #[inline]
    fn advance(&mut self, chunk: &mut Bytes) -> Result<Option<RawFrame>, DecodeError> {
        if self.header.is_none() {
            self.header = self
                .take_header(chunk)?
                .map(|h| self.admit(h))
                .transpose()?;
        }
        let Some(Pending { header, len }) = self.header else {
            return Ok(None);
        };
        let Some(payload) = self.take_payload(chunk, len) else {
            return Ok(None);
        };
        self.header = None;
        Ok(Some(RawFrame {
            frame_type: header.frame_type,
            payload,
        }))
    }

    #[inline]
    fn take_header(&mut self, chunk: &mut Bytes) -> Result<Option<FrameHeader>, DecodeError> {
        if self.gathered.is_empty()
            && let Some((header, taken)) = FrameHeader::peek(chunk)?
        {
            chunk.advance(taken);
            return Ok(Some(header));
        }
        while let Some(&byte) = chunk.first() {
            chunk.advance(1);
            self.gathered.push(byte);
            if let Some((header, _)) = FrameHeader::peek(&self.gathered)? {
                self.gathered.clear();
                return Ok(Some(header));
            }
        }
        Ok(None)
    }

    #[inline]
    fn admit(&self, header: FrameHeader) -> Result<Pending, DecodeError> {
        match usize::try_from(header.len.get()) {
            Ok(len) if len <= self.limit => Ok(Pending { header, len }),
            _ => Err(DecodeError::TooLong {
                len: header.len.get(),
                max: self.limit as u64,
            }),
        }
    }

    #[inline]
    fn take_payload(&mut self, chunk: &mut Bytes, len: usize) -> Option<Bytes> {
        if self.gathered.is_empty() && chunk.len() >= len {
            return Some(chunk.split_to(len));
        }
        let missing = len - self.gathered.len();
        let piece = chunk.split_to(missing.min(chunk.len()));
        self.gather(&piece, missing);
        if self.gathered.len() < len {
            return None;
        }
        Some(Bytes::from(std::mem::take(&mut self.gathered)))
    }

    /// Doubles the room as bytes arrive, but never beyond what the frame still needs.
    fn gather(&mut self, piece: &[u8], missing: usize) {
        if self.gathered.capacity() - self.gathered.len() < piece.len() {
            self.gathered
                .reserve_exact(missing.min(self.gathered.len().max(piece.len())));
        }
        self.gathered.extend_from_slice(piece);
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::any_payload;
    use crate::{VarInt, encode_frame, limits};

    const LIMIT: usize = 256;

    type Outcome = (Vec<RawFrame>, Option<DecodeError>);

    /// All frames that come out of `chunks`, and why no more did.
    fn decode_all(chunks: impl IntoIterator<Item = Bytes>) -> Outcome {
        let mut decoder = FrameDecoder::new(LIMIT);
        let mut frames = Vec::new();
        for mut chunk in chunks {
            loop {
                match decoder.decode(&mut chunk) {
                    Ok(Some(frame)) => frames.push(frame),
                    Ok(None) => break,
                    Err(failure) => return (frames, Some(failure)),
                }
            }
            assert!(chunk.is_empty(), "a chunk was not used up");
            assert!(decoder.gathered.capacity() <= LIMIT + limits::MAX_HEADER_LEN);
        }
        (frames, decoder.finish().err())
    }

    fn any_frames() -> impl Strategy<Value = Vec<RawFrame>> {
        let frame = (1_u8.., any_payload(0)).prop_map(|(number, payload)| RawFrame {
            frame_type: number.into(),
            payload: payload.slice(..payload.len().min(LIMIT)),
        });
        prop::collection::vec(frame, 0..8)
    }

    fn encode_all(frames: &[RawFrame]) -> Bytes {
        let mut out = BytesMut::new();
        for frame in frames {
            encode_frame(frame.frame_type, &frame.payload, &mut out);
        }
        out.freeze()
    }

    fn header_with(len: VarInt) -> Bytes {
        let mut out = BytesMut::new();
        FrameHeader {
            frame_type: 0x80.into(),
            len,
        }
        .encode(&mut out);
        out.freeze()
    }

    proptest! {
        #[test]
        fn frames_survive_the_wire_in_any_pieces(frames in any_frames(), size in 1_usize..700) {
            let bytes = encode_all(&frames);
            let pieces = bytes.chunks(size).map(Bytes::copy_from_slice);
            prop_assert_eq!(decode_all(pieces), (frames, None));
        }

        #[test]
        fn hostile_bytes_mean_the_same_in_any_pieces(bytes: Vec<u8>, size in 1_usize..9) {
            let pieces = bytes.chunks(size).map(Bytes::copy_from_slice);
            prop_assert_eq!(decode_all(pieces), decode_all([Bytes::from(bytes.clone())]));
        }

        #[test]
        fn stream_cut_at_any_byte_is_truncated(payload in any_payload(0)) {
            let payload = payload.slice(..payload.len().min(LIMIT));
            let bytes = encode_all(&[RawFrame { frame_type: 0x80.into(), payload }]);
            for end in 1..bytes.len() {
                let cut = decode_all([bytes.slice(..end)]);
                prop_assert_eq!(cut, (Vec::new(), Some(DecodeError::Truncated)));
            }
        }
    }

    #[test]
    fn frame_in_one_chunk_is_not_copied() {
        let payload = Bytes::from_static(&[5; 100]);
        let mut chunk = encode_all(&[RawFrame {
            frame_type: 0x80.into(),
            payload,
        }]);
        let received = chunk.as_ptr_range();
        let frame = FrameDecoder::new(LIMIT)
            .decode(&mut chunk)
            .unwrap()
            .unwrap();
        assert!(received.contains(&frame.payload.as_ptr()));
    }

    #[test]
    fn bytes_after_a_frame_are_left_to_the_caller() {
        let mut chunk = Bytes::from_static(b"\x01\x01\x02raw bytes");
        let mut decoder = FrameDecoder::new(LIMIT);
        assert!(decoder.decode(&mut chunk).unwrap().is_some());
        assert_eq!(&chunk[..], b"raw bytes");
        assert!(decoder.is_idle());
    }

    #[test]
    fn announced_length_allocates_nothing() {
        for len in [VarInt::from_u32(LIMIT as u32 + 1), VarInt::MAX] {
            let refusal = DecodeError::TooLong {
                len: len.get(),
                max: LIMIT as u64,
            };
            assert_eq!(decode_all([header_with(len)]), (Vec::new(), Some(refusal)));
        }
        let mut decoder = FrameDecoder::new(usize::MAX);
        assert_eq!(decoder.decode(&mut header_with(VarInt::MAX)), Ok(None));
        assert_eq!(decoder.decode(&mut Bytes::from_static(b"few")), Ok(None));
        assert!(decoder.gathered.capacity() <= 2 * limits::MAX_HEADER_LEN);
    }

    #[test]
    fn first_error_is_kept() {
        let mut decoder = FrameDecoder::new(LIMIT);
        let illegal = Err(DecodeError::IllegalType);
        assert_eq!(decoder.decode(&mut Bytes::from_static(&[0x00])), illegal);
        assert_eq!(
            decoder.decode(&mut Bytes::from_static(&[0x80, 0x00])),
            illegal
        );
        assert_eq!(decoder.finish(), Err(DecodeError::IllegalType));
    }
}
