//! CREDIT (0x02): how much the peer may send on a message stream, counted from its first byte.
//!
//! | size   | field            | meaning                             |
//! |--------|------------------|-------------------------------------|
//! | varint | `message_stream` | which message stream; 0 to 2^62 - 1 |
//! | varint | `limit`          | cumulative cost; only ever grows    |
//!
//! The cost of a message is its length plus [`MESSAGE_COST`](crate::limits::MESSAGE_COST); before
//! the first CREDIT the limit is [`INITIAL_CREDIT`](crate::limits::INITIAL_CREDIT).
//!
//! *spec:* WIRE-40 to WIRE-45.

use bytes::BytesMut;

use super::encode_integers;
use crate::fields::Fields;
use crate::{DecodeError, FrameType, VarInt};

/// The peer may have sent messages of this cost on the message stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credit {
    /// The message stream.
    pub message_stream: VarInt,
    /// What the peer may have sent in all, in units of cost.
    pub limit: VarInt,
}

impl Credit {
    /// Appends the frame.
    pub fn encode(self, out: &mut BytesMut) {
        encode_integers(FrameType::CREDIT, [self.message_stream, self.limit], out);
    }

    pub(super) fn decode(fields: &mut Fields) -> Result<Self, DecodeError> {
        Ok(Self {
            message_stream: fields.varint()?,
            limit: fields.varint()?,
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
        fn credit_survives_the_wire(message_stream in any_varint(), limit in any_varint()) {
            assert_survives_the_wire(ControlFrame::Credit(Credit { message_stream, limit }));
        }
    }
}
