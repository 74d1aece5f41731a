//! `MESSAGE_START` (0x11): the first part of a message too long for one frame.
//!
//! | size   | field            | meaning                                           |
//! |--------|------------------|---------------------------------------------------|
//! | varint | `message_stream` | the message stream; 0 to 2^62 - 1                 |
//! | varint | `total`          | bytes of the whole message                        |
//! | rest   | `payload`        | its first bytes; 1 to 65,536, fewer than `total`  |
//!
//! *spec:* WIRE-32, WIRE-33.

use bytes::{Bytes, BytesMut};

use super::{part_of_several, within};
use crate::fields::Fields;
use crate::varint::put_varint;
use crate::{DecodeError, FrameType, VarInt, encode_header};

/// The first part of a longer message; [`MessageMore`](super::MessageMore) parts follow until
/// `total` bytes are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageStart {
    /// The message stream it belongs to.
    pub message_stream: VarInt,
    /// Bytes of the whole message, this part included.
    pub total: VarInt,
    /// The first bytes of the message; at most
    /// [`MAX_PART_LEN`](crate::limits::MAX_PART_LEN).
    pub payload: Bytes,
}

impl MessageStart {
    /// Appends all of the frame but its payload, which the caller sends next.
    #[inline]
    pub fn encode_header(&self, out: &mut BytesMut) {
        let fields = self.message_stream.encoded_len() + self.total.encoded_len();
        encode_header(FrameType::MESSAGE_START, fields + self.payload.len(), out);
        put_varint(out, self.message_stream);
        put_varint(out, self.total);
    }

    #[inline]
    pub(super) fn decode(mut fields: Fields, max_message: u64) -> Result<Self, DecodeError> {
        let message_stream = fields.varint()?;
        let total = fields.varint()?;
        within(total.get(), max_message)?;
        let payload = part_of_several(fields)?;
        let len = payload.len() as u64;
        if len >= total.get() {
            return Err(DecodeError::PartFillsMessage {
                len,
                total: total.get(),
            });
        }
        Ok(Self {
            message_stream,
            total,
            payload,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lane::tests::{assert_survives_the_wire, refusal_of};
    use crate::testing::{any_payload, any_varint};
    use crate::{LaneFrame, limits};

    fn start(total: u64, payload: &'static [u8]) -> LaneFrame {
        let (total, payload) = (VarInt::saturating(total), Bytes::from_static(payload));
        LaneFrame::MessageStart(MessageStart {
            message_stream: VarInt::ZERO,
            total,
            payload,
        })
    }

    proptest! {
        #[test]
        fn message_start_survives_the_wire(
            message_stream in any_varint(),
            total in 300..limits::DEFAULT_MESSAGE_LEN,
            payload in any_payload(1),
        ) {
            let total = VarInt::saturating(total);
            let frame = MessageStart { message_stream, total, payload };
            assert_survives_the_wire(&LaneFrame::MessageStart(frame));
        }
    }

    #[test]
    fn message_start_leaves_something_to_follow() {
        assert_survives_the_wire(&start(4, b"abc"));
        for total in [0, 2, 3] {
            let refusal = DecodeError::PartFillsMessage { len: 3, total };
            assert_eq!(refusal_of(&start(total, b"abc")), refusal);
        }
    }

    #[test]
    fn message_start_is_bound_by_the_longest_message() {
        let max = limits::DEFAULT_MESSAGE_LEN;
        assert_survives_the_wire(&start(max, b"a"));
        assert_eq!(
            refusal_of(&start(max + 1, b"a")),
            DecodeError::TooLong { len: max + 1, max }
        );
    }
}
