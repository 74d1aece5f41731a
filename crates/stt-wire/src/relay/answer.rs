//! What a relay says to a member.
//!
//! | type | frame        | size   | field      | meaning                                        |
//! |------|--------------|--------|------------|------------------------------------------------|
//! | 0x3A | `REGISTERED` | varint | `rate`     | bytes a second that the member may send        |
//! |      |              | varint | `burst`    | and above that at once                         |
//! |      |              | varint | `channels` | that it may have at a time                     |
//! | 0x3B | `CHANNEL`    | varint | `request`  | of the REACH it answers; 0: the peer asked     |
//! |      |              | varint | `leg`      | the number of the member's leg                 |
//! |      |              | 4      | `tag`      | its tag                                        |
//! |      |              | 32     | `peer`     | who is at the other end                        |
//! | 0x3C | `UNREACHED`  | varint | `request`  | of the REACH it answers; 0: the registration   |
//! |      |              | 1      | `reason`   | see [`Unreached`]                              |
//! | 0x3D | `GONE`       | varint | `leg`      | the channel of this leg is no more             |
//!
//! *spec:* RELAY-3 to RELAY-8.

use bytes::{BufMut, BytesMut};

use super::{ID_LEN, Unreached};
use crate::fields::Fields;
use crate::lane::stranger;
use crate::varint::put_varint;
use crate::{DecodeError, FrameType, RawFrame, VarInt, encode_header};

/// A frame of a relay on a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a member must say what it does with every frame"
)]
pub enum RelayAnswer {
    /// The member can be reached from now on.
    Registered {
        /// Bytes a second that it may send through the relay.
        rate: VarInt,
        /// Bytes above that which it may send at once.
        burst: VarInt,
        /// Channels that it may have at a time.
        channels: VarInt,
    },
    /// A leg of a channel.
    Channel {
        /// Of the request that this answers; 0 if the peer asked.
        request: VarInt,
        /// The number of the member's leg, larger than those before.
        leg: VarInt,
        /// The tag of its packets.
        tag: [u8; 4],
        /// The id of who is at the other end.
        peer: [u8; 32],
    },
    /// No channel, or no registration.
    Unreached {
        /// Of the request that this answers; 0 for the registration.
        request: VarInt,
        /// Why.
        reason: Unreached,
    },
    /// A channel is no more.
    Gone {
        /// The member's leg of it.
        leg: VarInt,
    },
}

impl RelayAnswer {
    const fn frame_type(self) -> FrameType {
        match self {
            Self::Registered { .. } => FrameType::REGISTERED,
            Self::Channel { .. } => FrameType::CHANNEL,
            Self::Unreached { .. } => FrameType::UNREACHED,
            Self::Gone { .. } => FrameType::GONE,
        }
    }

    fn payload_len(self) -> usize {
        let len = VarInt::encoded_len;
        match self {
            Self::Registered {
                rate,
                burst,
                channels,
            } => len(rate) + len(burst) + len(channels),
            Self::Channel { request, leg, .. } => len(request) + len(leg) + TAG_LEN + ID_LEN,
            Self::Unreached { request, .. } => len(request) + 1,
            Self::Gone { leg } => len(leg),
        }
    }

    /// Appends the frame.
    pub fn encode(self, out: &mut BytesMut) {
        encode_header(self.frame_type(), self.payload_len(), out);
        match self {
            Self::Registered {
                rate,
                burst,
                channels,
            } => {
                for number in [rate, burst, channels] {
                    put_varint(out, number);
                }
            }
            Self::Channel {
                request,
                leg,
                tag,
                peer,
            } => {
                put_varint(out, request);
                put_varint(out, leg);
                out.put_slice(&tag);
                out.put_slice(&peer);
            }
            Self::Unreached { request, reason } => {
                put_varint(out, request);
                out.put_u8(reason.into());
            }
            Self::Gone { leg } => put_varint(out, leg),
        }
    }

    /// Reads a frame. Take it with a [`FrameDecoder`](crate::FrameDecoder) of
    /// [`MAX_RELAY_FRAME_LEN`](crate::limits::MAX_RELAY_FRAME_LEN).
    ///
    /// # Errors
    ///
    /// [`DecodeError::WrongStream`] and [`DecodeError::UnknownType`] for a frame that is no answer;
    /// [`DecodeError::Truncated`], [`DecodeError::NonMinimalVarint`] and
    /// [`DecodeError::TrailingBytes`] for malformed fields.
    pub fn decode(frame: RawFrame) -> Result<Self, DecodeError> {
        let mut fields = Fields::new(frame.payload);
        let answer = match frame.frame_type {
            FrameType::REGISTERED => Self::Registered {
                rate: fields.varint()?,
                burst: fields.varint()?,
                channels: fields.varint()?,
            },
            FrameType::CHANNEL => Self::Channel {
                request: fields.varint()?,
                leg: fields.varint()?,
                tag: fields.array()?,
                peer: fields.array()?,
            },
            FrameType::UNREACHED => Self::Unreached {
                request: fields.varint()?,
                reason: fields.u8()?.into(),
            },
            FrameType::GONE => Self::Gone {
                leg: fields.varint()?,
            },
            other => return Err(stranger(other)),
        };
        fields.end()?;
        Ok(answer)
    }
}

const TAG_LEN: usize = 4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{any_varint, cut, only_frame, with_byte_after};

    proptest! {
        #[test]
        fn relay_answers_survive_the_wire(
            number in any_varint(),
            leg in any_varint(),
            reason: u8,
            tag: [u8; 4],
            peer: [u8; 32],
        ) {
            for answer in [
                RelayAnswer::Registered { rate: number, burst: leg, channels: number },
                RelayAnswer::Channel { request: number, leg, tag, peer },
                RelayAnswer::Unreached { request: number, reason: reason.into() },
                RelayAnswer::Gone { leg },
            ] {
                let mut out = BytesMut::new();
                answer.encode(&mut out);
                let raw = only_frame(out);
                prop_assert!(raw.payload.len() <= crate::limits::MAX_RELAY_FRAME_LEN);
                for missing in 1..=raw.payload.len() {
                    let cut = RelayAnswer::decode(cut(&raw, missing));
                    prop_assert_eq!(cut, Err(DecodeError::Truncated));
                }
                let longer = RelayAnswer::decode(with_byte_after(&raw));
                prop_assert_eq!(longer, Err(DecodeError::TrailingBytes { extra: 1 }));
                prop_assert_eq!(RelayAnswer::decode(raw), Ok(answer));
            }
        }
    }

    #[test]
    fn what_a_member_says_is_no_answer() {
        let raw = RawFrame {
            frame_type: FrameType::LEAVE,
            payload: vec![1].into(),
        };
        let refusal = DecodeError::WrongStream(FrameType::LEAVE);
        assert_eq!(RelayAnswer::decode(raw), Err(refusal));
    }
}
