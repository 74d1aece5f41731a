//! REACHED (0x05): the answer to CHECKPOINT.
//!
//! | size   | field    | meaning                              |
//! |--------|----------|--------------------------------------|
//! | varint | `stream` | QUIC stream id                       |
//! | varint | `offset` | the offset asked for, or a later one |
//!
//! Until it has come, the stream has no other checkpoint.
//!
//! *spec:* WIRE-50 to WIRE-54.

use bytes::BytesMut;

use super::encode_integers;
use crate::fields::Fields;
use crate::{DecodeError, FrameType, VarInt};

/// The application has consumed the stream up to `offset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// The data stream, by its QUIC stream id.
    pub stream: VarInt,
    /// How many bytes of the stream, counted after its OPEN frame.
    pub offset: VarInt,
}

impl Reached {
    /// Appends the frame.
    pub fn encode(self, out: &mut BytesMut) {
        encode_integers(FrameType::REACHED, [self.stream, self.offset], out);
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
        fn reached_survives_the_wire(stream in any_varint(), offset in any_varint()) {
            assert_survives_the_wire(ControlFrame::Reached(Reached { stream, offset }));
        }
    }
}
