//! RELEASED (0x03): the answer to RELEASE: a message stream is forgotten.
//!
//! | size   | field            | meaning                     |
//! |--------|------------------|-----------------------------|
//! | varint | `message_stream` | the message stream released |
//!
//! It sets the message stream free to be used anew, with its first credit.
//!
//! *spec:* WIRE-46 to WIRE-48.

use bytes::BytesMut;

use super::encode_integers;
use crate::fields::Fields;
use crate::{DecodeError, FrameType, VarInt};

/// Everything of the message stream was given to the application, and its state dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Released {
    /// The message stream.
    pub message_stream: VarInt,
}

impl Released {
    /// Appends the frame.
    pub fn encode(self, out: &mut BytesMut) {
        encode_integers(FrameType::RELEASED, [self.message_stream], out);
    }

    pub(super) fn decode(fields: &mut Fields) -> Result<Self, DecodeError> {
        Ok(Self {
            message_stream: fields.varint()?,
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
        fn released_survives_the_wire(message_stream in any_varint()) {
            assert_survives_the_wire(ControlFrame::Released(Released { message_stream }));
        }
    }
}
