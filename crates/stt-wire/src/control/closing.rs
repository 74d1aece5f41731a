//! CLOSING (0x07): the first step of an orderly end: nothing more is coming.
//!
//! | size   | field | meaning                                  |
//! |--------|-------|------------------------------------------|
//! | varint | `bi`  | two-way streams the sender opened in all |
//! | varint | `uni` | one-way streams the sender opened in all |
//!
//! The counts let the receiver know which streams are still on their way.
//!
//! *spec:* WIRE-60 to WIRE-64.

use bytes::BytesMut;

use super::encode_integers;
use crate::fields::Fields;
use crate::{DecodeError, FrameType, VarInt};

/// I will open no streams and send no messages after these; I wait for you.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closing {
    /// Two-way streams the sender opened in all.
    pub bi: VarInt,
    /// One-way streams the sender opened in all.
    pub uni: VarInt,
}

impl Closing {
    /// Appends the frame.
    pub fn encode(self, out: &mut BytesMut) {
        encode_integers(FrameType::CLOSING, [self.bi, self.uni], out);
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
        fn closing_survives_the_wire(bi in any_varint(), uni in any_varint()) {
            assert_survives_the_wire(ControlFrame::Closing(Closing { bi, uni }));
        }
    }
}
