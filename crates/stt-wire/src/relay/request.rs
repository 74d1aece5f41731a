//! What a member says to a relay.
//!
//! | type | frame   | size   | field     | meaning                              |
//! |------|---------|--------|-----------|--------------------------------------|
//! | 0x38 | `REACH` | varint | `request` | a number of the member's, not 0      |
//! |      |         | 32     | `peer`    | who shall be reached                 |
//! | 0x39 | `LEAVE` | varint | `leg`     | the channel of this leg has served   |
//!
//! Nothing says who registers: that is whom the session has authenticated.
//!
//! *spec:* RELAY-1, RELAY-6, RELAY-8.

use bytes::{BufMut, BytesMut};

use super::ID_LEN;
use crate::fields::Fields;
use crate::lane::stranger;
use crate::varint::put_varint;
use crate::{DecodeError, FrameType, RawFrame, VarInt, encode_header};

/// A frame of a member on its registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a relay must say what it does with every frame"
)]
pub enum RelayRequest {
    /// Asks for a channel to a member.
    Reach {
        /// The answer has it too; never 0.
        request: VarInt,
        /// The id of who shall be reached.
        peer: [u8; 32],
    },
    /// A channel is needed no more.
    Leave {
        /// The sender's leg of it.
        leg: VarInt,
    },
}

impl RelayRequest {
    /// Appends the frame.
    pub fn encode(self, out: &mut BytesMut) {
        match self {
            Self::Reach { request, peer } => {
                encode_header(FrameType::REACH, request.encoded_len() + ID_LEN, out);
                put_varint(out, request);
                out.put_slice(&peer);
            }
            Self::Leave { leg } => {
                encode_header(FrameType::LEAVE, leg.encoded_len(), out);
                put_varint(out, leg);
            }
        }
    }

    /// Reads a frame after OPEN. Take it with a [`FrameDecoder`](crate::FrameDecoder) of
    /// [`MAX_RELAY_FRAME_LEN`](crate::limits::MAX_RELAY_FRAME_LEN).
    ///
    /// # Errors
    ///
    /// [`DecodeError::WrongStream`] and [`DecodeError::UnknownType`] for a frame that is no request;
    /// [`DecodeError::UnknownValue`] for a request of number 0; [`DecodeError::Truncated`],
    /// [`DecodeError::NonMinimalVarint`] and [`DecodeError::TrailingBytes`] for malformed fields.
    pub fn decode(frame: RawFrame) -> Result<Self, DecodeError> {
        let mut fields = Fields::new(frame.payload);
        let request = match frame.frame_type {
            FrameType::REACH => Self::Reach {
                request: number(&mut fields)?,
                peer: fields.array()?,
            },
            FrameType::LEAVE => Self::Leave {
                leg: fields.varint()?,
            },
            other => return Err(stranger(other)),
        };
        fields.end()?;
        Ok(request)
    }
}

/// 0 is what the answer to nothing has.
fn number(fields: &mut Fields) -> Result<VarInt, DecodeError> {
    match fields.varint()? {
        VarInt::ZERO => Err(DecodeError::UnknownValue { value: 0 }),
        number => Ok(number),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{any_varint, cut, only_frame, with_byte_after};

    proptest! {
        #[test]
        fn relay_requests_survive_the_wire(number in any_varint(), peer: [u8; 32]) {
            prop_assume!(number != VarInt::ZERO);
            for request in [
                RelayRequest::Reach { request: number, peer },
                RelayRequest::Leave { leg: number },
            ] {
                let mut out = BytesMut::new();
                request.encode(&mut out);
                let raw = only_frame(out);
                for missing in 1..=raw.payload.len() {
                    let cut = RelayRequest::decode(cut(&raw, missing));
                    prop_assert_eq!(cut, Err(DecodeError::Truncated));
                }
                let longer = RelayRequest::decode(with_byte_after(&raw));
                prop_assert_eq!(longer, Err(DecodeError::TrailingBytes { extra: 1 }));
                prop_assert_eq!(RelayRequest::decode(raw), Ok(request));
            }
        }
    }

    #[test]
    fn a_request_of_number_zero_is_refused() {
        let raw = RawFrame {
            frame_type: FrameType::REACH,
            payload: vec![0; 33].into(),
        };
        let refusal = DecodeError::UnknownValue { value: 0 };
        assert_eq!(RelayRequest::decode(raw), Err(refusal));
    }
}
