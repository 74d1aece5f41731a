//! A datagram: exactly one user's frame, which ends where the datagram ends.
//!
//! | offset | size | field   | meaning                             |
//! |--------|------|---------|-------------------------------------|
//! | 0      | 1    | type    | 0x80 to 0xFF                        |
//! | 1      | rest | payload | to the end; the length is not sent  |
//!
//! *spec:* WIRE-73, WIRE-74.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{UserFrame, UserFrameType};
use crate::{DecodeError, FrameType};

impl UserFrame {
    /// Bytes of a datagram before the payload.
    pub const DATAGRAM_OVERHEAD: usize = 1;

    /// Makes the whole datagram, with a copy of the payload.
    pub fn encode_datagram(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(Self::DATAGRAM_OVERHEAD + self.payload.len());
        out.put_u8(self.frame_type.into());
        out.extend_from_slice(&self.payload);
        out.freeze()
    }

    /// Reads a whole datagram, without a copy.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`] for an empty datagram, [`DecodeError::IllegalType`] for type
    /// 0x00, [`DecodeError::ReservedType`] for a type of STT's.
    #[inline]
    pub fn decode_datagram(mut datagram: Bytes) -> Result<Self, DecodeError> {
        let first = *datagram.first().ok_or(DecodeError::Truncated)?;
        let frame_type = UserFrameType::of(FrameType::from(first))?;
        datagram.advance(Self::DATAGRAM_OVERHEAD);
        Ok(Self {
            frame_type,
            payload: datagram,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::any_payload;

    proptest! {
        #[test]
        fn datagram_survives_the_wire(number in 0x80_u8.., payload in any_payload(0)) {
            let frame = UserFrame { frame_type: number.try_into().unwrap(), payload };
            let datagram = frame.encode_datagram();
            prop_assert_eq!(UserFrame::decode_datagram(datagram), Ok(frame));
        }
    }

    #[test]
    fn datagram_refuses_nothing_and_types_of_stt() {
        let decode = |bytes| UserFrame::decode_datagram(Bytes::from_static(bytes));
        assert_eq!(decode(b""), Err(DecodeError::Truncated));
        assert_eq!(decode(b"\x00a"), Err(DecodeError::IllegalType));
        assert_eq!(
            decode(b"\x10a"),
            Err(DecodeError::ReservedType(FrameType::MESSAGE))
        );
    }

    #[test]
    fn datagram_payload_is_a_slice_of_what_was_received() {
        let datagram = Bytes::from(vec![0x80; 100]);
        let received = datagram.as_ptr_range();
        let frame = UserFrame::decode_datagram(datagram).unwrap();
        assert!(received.contains(&frame.payload.as_ptr()));
    }
}
