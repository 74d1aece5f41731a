//! What a follower asks of a holder.
//!
//! | type | frame    | fields                                     |
//! |------|----------|--------------------------------------------|
//! | 0x3e | `FOLLOW` | `publisher` 32, `id` 16, `from` varint     |
//!
//! *spec:* FEED-10, FEED-11.

use bytes::{BufMut, BytesMut};

use crate::fields::Fields;
use crate::lane::stranger;
use crate::varint::put_varint;
use crate::{DecodeError, FrameType, RawFrame, VarInt, encode_header};

/// The frame after OPEN on a stream about a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a holder must say what it does with each"
)]
pub enum FeedRequest {
    /// Send the entries, and further ones as they come.
    Follow {
        /// Whose feed it is.
        publisher: [u8; 32],
        /// Which one of the publisher's.
        id: [u8; 16],
        /// The number of the first entry; [`NEWEST`](Self::NEWEST) for the newest there is.
        from: VarInt,
    },
}

impl FeedRequest {
    /// Where who wants nothing old begins.
    pub const NEWEST: VarInt = VarInt::MAX;

    /// Appends the frame.
    pub fn encode(&self, out: &mut BytesMut) {
        let Self::Follow {
            publisher,
            id,
            from,
        } = self;
        encode_header(FrameType::FOLLOW, 48 + from.encoded_len(), out);
        out.put_slice(publisher);
        out.put_slice(id);
        put_varint(out, *from);
    }

    /// Reads the frame after OPEN on a stream about a feed. Take it with a
    /// [`FrameDecoder`](crate::FrameDecoder) of
    /// [`MAX_FEED_REQUEST_LEN`](crate::limits::MAX_FEED_REQUEST_LEN).
    ///
    /// # Errors
    ///
    /// [`DecodeError::WrongStream`] and [`DecodeError::UnknownType`] for a frame that is no request;
    /// [`DecodeError::Truncated`], [`DecodeError::NonMinimalVarint`] and
    /// [`DecodeError::TrailingBytes`] for malformed fields.
    pub fn decode(frame: RawFrame) -> Result<Self, DecodeError> {
        let mut fields = Fields::new(frame.payload);
        if frame.frame_type != FrameType::FOLLOW {
            return Err(stranger(frame.frame_type));
        }
        let request = Self::Follow {
            publisher: fields.array()?,
            id: fields.array()?,
            from: fields.varint()?,
        };
        fields.end()?;
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limits::MAX_FEED_REQUEST_LEN;
    use crate::testing::{any_varint, cut, only_frame, with_byte_after};

    proptest! {
        #[test]
        fn feed_requests_survive_the_wire(publisher: [u8; 32], id: [u8; 16], from in any_varint()) {
            let request = FeedRequest::Follow { publisher, id, from };
            let mut out = BytesMut::new();
            request.encode(&mut out);
            let raw = only_frame(out);
            prop_assert!(raw.payload.len() <= MAX_FEED_REQUEST_LEN);
            prop_assert_eq!(FeedRequest::decode(raw.clone()), Ok(request));
            let cut = FeedRequest::decode(cut(&raw, 1));
            prop_assert_eq!(cut, Err(DecodeError::Truncated));
            let longer = FeedRequest::decode(with_byte_after(&raw));
            prop_assert_eq!(longer, Err(DecodeError::TrailingBytes { extra: 1 }));
        }
    }
}
