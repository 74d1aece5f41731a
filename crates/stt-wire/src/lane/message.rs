//! MESSAGE (0x10): a whole message.
//!
//! | size   | field            | meaning                                  |
//! |--------|------------------|------------------------------------------|
//! | varint | `message_stream` | the message stream; 0 to 2^62 - 1        |
//! | rest   | `payload`        | the message; at most 65,536 bytes, or 0  |
//!
//! *spec:* WIRE-31.

use bytes::{Bytes, BytesMut};

use super::{part, within};
use crate::fields::Fields;
use crate::varint::put_varint;
use crate::{DecodeError, FrameType, VarInt, encode_header};

/// A message short enough for one frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The message stream it belongs to.
    pub message_stream: VarInt,
    /// The message; at most [`MAX_PART_LEN`](crate::limits::MAX_PART_LEN) bytes.
    pub payload: Bytes,
}

impl Message {
    /// Appends all of the frame but its payload, which the caller sends next.
    #[inline]
    pub fn encode_header(&self, out: &mut BytesMut) {
        let len = self.message_stream.encoded_len() + self.payload.len();
        encode_header(FrameType::MESSAGE, len, out);
        put_varint(out, self.message_stream);
    }

    #[inline]
    pub(super) fn decode(mut fields: Fields, max_message: u64) -> Result<Self, DecodeError> {
        let message_stream = fields.varint()?;
        let payload = part(fields)?;
        within(payload.len() as u64, max_message)?;
        Ok(Self {
            message_stream,
            payload,
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
        fn message_survives_the_wire(message_stream in any_varint(), payload in any_payload(0)) {
            assert_survives_the_wire(&LaneFrame::Message(Message { message_stream, payload }));
        }
    }
}
