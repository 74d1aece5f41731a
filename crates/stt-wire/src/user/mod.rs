//! Users' frames: types 0x80 to 0xFF, on a stream of their own or one to a datagram.
//!
//! On the stream a user's frame is an ordinary frame; in a datagram see
//! [`UserFrame::encode_datagram`].
//!
//! *spec:* WIRE-70 to WIRE-74.

mod datagram;
mod user_type;

use bytes::{Bytes, BytesMut};

use crate::{DecodeError, RawFrame, encode_frame, encode_header};

pub use user_type::{ReservedFrameType, UserFrameType};

/// A frame whose meaning is the application's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserFrame {
    /// What the application calls it.
    pub frame_type: UserFrameType,
    /// Its bytes.
    pub payload: Bytes,
}

impl UserFrame {
    /// Appends the frame as it stands on a stream, with a copy of its payload.
    pub fn encode(&self, out: &mut BytesMut) {
        encode_frame(self.frame_type.into(), &self.payload, out);
    }

    /// Appends all of the frame but its payload, which the caller sends next.
    pub fn encode_header(&self, out: &mut BytesMut) {
        encode_header(self.frame_type.into(), self.payload.len(), out);
    }

    /// Reads a frame of the user stream after its OPEN. Take it with a
    /// [`FrameDecoder`](crate::FrameDecoder) of the longest frame the receiver allows.
    ///
    /// # Errors
    ///
    /// [`DecodeError::ReservedType`] for a type of STT's.
    #[inline]
    pub fn decode(frame: RawFrame) -> Result<Self, DecodeError> {
        let frame_type = UserFrameType::of(frame.frame_type)?;
        Ok(Self {
            frame_type,
            payload: frame.payload,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::FrameType;
    use crate::testing::{any_payload, only_frame};

    proptest! {
        #[test]
        fn user_frame_survives_the_wire(number in 0x80_u8.., payload in any_payload(0)) {
            let frame = UserFrame { frame_type: number.try_into().unwrap(), payload };
            let mut out = BytesMut::new();
            frame.encode(&mut out);
            prop_assert_eq!(UserFrame::decode(only_frame(out)), Ok(frame));
        }
    }

    #[test]
    fn header_and_payload_are_the_frame() {
        let frame = UserFrame {
            frame_type: UserFrameType::try_from(0x80).unwrap(),
            payload: Bytes::from_static(b"abc"),
        };
        let (mut whole, mut parts) = (BytesMut::new(), BytesMut::new());
        frame.encode(&mut whole);
        frame.encode_header(&mut parts);
        parts.extend_from_slice(&frame.payload);
        assert_eq!(whole, parts);
    }

    #[test]
    fn user_stream_refuses_all_types_of_stt() {
        for number in 0x00..=0x7f {
            let frame_type = FrameType::from(number);
            let refusal = match number {
                0x00 => DecodeError::IllegalType,
                _ => DecodeError::ReservedType(frame_type),
            };
            let raw = RawFrame {
                frame_type,
                payload: Bytes::new(),
            };
            assert_eq!(UserFrame::decode(raw), Err(refusal));
        }
    }
}
