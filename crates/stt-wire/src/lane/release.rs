//! RELEASE (0x13): the sender lets go of a message stream.
//!
//! | size   | field            | meaning                              |
//! |--------|------------------|--------------------------------------|
//! | varint | `message_stream` | the message stream; 0 to 2^62 - 1    |
//!
//! *spec:* WIRE-46 to WIRE-48.

use bytes::BytesMut;

use crate::fields::Fields;
use crate::varint::put_varint;
use crate::{DecodeError, FrameType, VarInt, encode_header};

/// Asks the receiver to drop the state of a message stream once its application has everything,
/// and to say so with [`Released`](crate::Released).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// The message stream.
    pub message_stream: VarInt,
}

impl Release {
    /// Appends the frame.
    pub fn encode(self, out: &mut BytesMut) {
        encode_header(FrameType::RELEASE, self.message_stream.encoded_len(), out);
        put_varint(out, self.message_stream);
    }

    pub(super) fn decode(mut fields: Fields) -> Result<Self, DecodeError> {
        let message_stream = fields.varint()?;
        fields.end()?;
        Ok(Self { message_stream })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::LaneFrame;
    use crate::lane::tests::assert_survives_the_wire;
    use crate::testing::any_varint;

    proptest! {
        #[test]
        fn release_survives_the_wire(message_stream in any_varint()) {
            assert_survives_the_wire(&LaneFrame::Release(Release { message_stream }));
        }
    }
}
