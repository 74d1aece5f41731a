//! CHECKPOINT (0x04): asks when a data stream will have been consumed so far.
//!
//! | size   | field    | meaning                   |
//! |--------|----------|---------------------------|
//! | varint | `stream` | QUIC stream id            |
//! | varint | `offset` | bytes, counted after OPEN |
//!
//! A sender of many small writes waits for the answer, so that the receiver's engine never holds
//! more spans than it can.
//!
//! *spec:* WIRE-50 to WIRE-54.

use bytes::BytesMut;

use super::encode_integers;
use crate::fields::Fields;
use crate::{DecodeError, FrameType, VarInt};

/// Asks for [`Reached`](super::Reached) once the application has consumed the stream up to `offset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// The data stream, by its QUIC stream id.
    pub stream: VarInt,
    /// How many bytes of the stream, counted after its OPEN frame.
    pub offset: VarInt,
}

impl Checkpoint {
    /// Appends the frame.
    pub fn encode(self, out: &mut BytesMut) {
        encode_integers(FrameType::CHECKPOINT, [self.stream, self.offset], out);
    }

    pub(super) fn decode(fields: &mut Fields) -> Result<Self, DecodeError> {
        Ok(Self {
            stream: fields.varint()?,
            offset: fields.varint()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ControlFrame;
    use crate::control::tests::assert_survives_the_wire;
    use crate::testing::any_varint;

    proptest! {
        #[test]
        fn checkpoint_survives_the_wire(stream in any_varint(), offset in any_varint()) {
            assert_survives_the_wire(ControlFrame::Checkpoint(Checkpoint { stream, offset }));
        }
    }
}
