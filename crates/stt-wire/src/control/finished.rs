//! FINISHED (0x06): the last frame of a side: all was sent, and all was consumed.
//!
//! | size   | field | meaning                                  |
//! |--------|-------|------------------------------------------|
//! | varint | `bi`  | two-way streams the sender opened in all |
//! | varint | `uni` | one-way streams the sender opened in all |
//!
//! Once both sides have sent it, the session is closed with code DONE.
//!
//! *spec:* WIRE-60 to WIRE-64.

use bytes::BytesMut;

use super::encode_integers;
use crate::fields::Fields;
use crate::{DecodeError, FrameType, VarInt};

/// I have finished every stream I opened, and consumed everything of yours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    /// Two-way streams the sender opened in all.
    pub bi: VarInt,
    /// One-way streams the sender opened in all.
    pub uni: VarInt,
}

impl Finished {
    /// Appends the frame.
    pub fn encode(self, out: &mut BytesMut) {
        encode_integers(FrameType::FINISHED, [self.bi, self.uni], out);
    }

    pub(super) fn decode(fields: &mut Fields) -> Result<Self, DecodeError> {
        Ok(Self {
            bi: fields.varint()?,
            uni: fields.varint()?,
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
        fn finished_survives_the_wire(bi in any_varint(), uni in any_varint()) {
            assert_survives_the_wire(ControlFrame::Finished(Finished { bi, uni }));
        }
    }
}
