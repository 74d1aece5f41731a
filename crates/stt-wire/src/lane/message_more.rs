//! `MESSAGE_MORE` (0x12): a further part of the message under way on a message stream.
//!
//! | size   | field            | meaning                              |
//! |--------|------------------|--------------------------------------|
//! | varint | `message_stream` | the message stream; 0 to 2^62 - 1    |
//! | rest   | `payload`        | the next bytes; 1 to 65,536          |
//!
//! *spec:* WIRE-34.

use bytes::{Bytes, BytesMut};

use super::part_of_several;
use crate::fields::Fields;
use crate::varint::put_varint;
use crate::{DecodeError, FrameType, VarInt, encode_header};

/// The next part of a message that [`MessageStart`](super::MessageStart) began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageMore {
    /// The message stream it belongs to.
    pub message_stream: VarInt,
    /// The next bytes of the message; at most
    /// [`MAX_PART_LEN`](crate::limits::MAX_PART_LEN).
    pub payload: Bytes,
}

impl MessageMore {
    /// Appends all of the frame but its payload, which the caller sends next.
    #[inline]
    pub fn encode_header(&self, out: &mut BytesMut) {
        let len = self.message_stream.encoded_len() + self.payload.len();
        encode_header(FrameType::MESSAGE_MORE, len, out);
        put_varint(out, self.message_stream);
    }

    #[inline]
    pub(super) fn decode(mut fields: Fields) -> Result<Self, DecodeError> {
        let message_stream = fields.varint()?;
        Ok(Self {
            message_stream,
            payload: part_of_several(fields)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::LaneFrame;
    use crate::lane::tests::assert_survives_the_wire;
    use crate::testing::{any_payload, any_varint};

    proptest! {
        #[test]
        fn message_more_survives_the_wire(message_stream in any_varint(), payload in any_payload(1)) {
            assert_survives_the_wire(&LaneFrame::MessageMore(MessageMore { message_stream, payload }));
        }
    }
}
