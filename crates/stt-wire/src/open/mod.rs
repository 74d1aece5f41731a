//! OPEN (0x01): the first frame of every stream names what the stream is.
//!
//! | offset | size    | field | meaning                                                    |
//! |--------|---------|-------|------------------------------------------------------------|
//! | 0      | varint  | kind  | see [`StreamKind`]                                         |
//! | ..     | varint  | -     | Data: stripe, 0 today. Messages: lane, 0 to 15. Else none. |
//!
//! *Invariant.* A kind this version does not know refuses the stream, not the session, so that a
//! newer peer may try.
//!
//! *spec:* WIRE-10 to WIRE-16.

mod error;
mod kind;

use bytes::BytesMut;

use crate::fields::Fields;
use crate::limits::{MAX_LANE, MAX_OPEN_LEN};
use crate::varint::put_varint;
use crate::{DecodeError, FrameType, RawFrame, VarInt, encode_header};

pub use error::OpenError;
pub use kind::{Direction, StreamKind};

/// What a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open {
    /// The kind, with what belongs to it.
    pub kind: StreamKind,
}

impl Open {
    /// Appends the frame.
    pub fn encode(self, out: &mut BytesMut) {
        let number = self.kind.number();
        let parameter = self.kind.parameter();
        let len = number.encoded_len() + parameter.map_or(0, VarInt::encoded_len);
        encode_header(FrameType::OPEN, len, out);
        put_varint(out, number);
        if let Some(parameter) = parameter {
            put_varint(out, parameter);
        }
    }

    /// Reads the first frame of a stream. Take it with a
    /// [`FrameDecoder`](crate::FrameDecoder) of [`MAX_OPEN_LEN`].
    ///
    /// # Errors
    ///
    /// [`OpenError::UnknownKind`] and [`OpenError::UnknownStripe`] refuse the stream;
    /// [`OpenError::Malformed`] ends the session.
    pub fn decode(frame: RawFrame) -> Result<Self, OpenError> {
        if frame.frame_type != FrameType::OPEN {
            return Err(DecodeError::WrongStream(frame.frame_type).into());
        }
        if frame.payload.len() > MAX_OPEN_LEN {
            let (len, max) = (frame.payload.len() as u64, MAX_OPEN_LEN as u64);
            return Err(DecodeError::TooLong { len, max }.into());
        }
        let mut fields = Fields::new(frame.payload);
        let kind = decode_kind(&mut fields)?;
        fields.end()?;
        Ok(Self { kind })
    }
}

fn decode_kind(fields: &mut Fields) -> Result<StreamKind, OpenError> {
    match fields.varint()?.get() {
        StreamKind::CONTROL => Ok(StreamKind::Control),
        StreamKind::USER_FRAMES => Ok(StreamKind::UserFrames),
        StreamKind::DATA => match fields.varint()?.get() {
            0 => Ok(StreamKind::Data {
                stripe: VarInt::ZERO,
            }),
            stripe => Err(OpenError::UnknownStripe { stripe }),
        },
        StreamKind::MESSAGES => Ok(StreamKind::Messages {
            lane: decode_lane(fields)?,
        }),
        StreamKind::ENDPOINT => Ok(StreamKind::Endpoint),
        StreamKind::EVENTS => Ok(StreamKind::Events),
        StreamKind::DHT_REQUEST => Ok(StreamKind::DhtRequest),
        StreamKind::CONTENT_REQUEST => Ok(StreamKind::ContentRequest),
        StreamKind::RELAY => Ok(StreamKind::Relay),
        StreamKind::KEEP_REQUEST => Ok(StreamKind::KeepRequest),
        StreamKind::FEED_REQUEST => Ok(StreamKind::FeedRequest),
        kind => Err(OpenError::UnknownKind { kind }),
    }
}

fn decode_lane(fields: &mut Fields) -> Result<u8, DecodeError> {
    let lane = fields.varint()?.get();
    match u8::try_from(lane) {
        Ok(lane) if lane <= MAX_LANE => Ok(lane),
        _ => Err(DecodeError::LaneOutOfRange {
            lane,
            max: u64::from(MAX_LANE),
        }),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{any_varint, cut, only_frame, with_byte_after};

    fn every_kind() -> Vec<StreamKind> {
        let named = [
            StreamKind::Control,
            StreamKind::UserFrames,
            StreamKind::DATA_STREAM,
            StreamKind::Endpoint,
            StreamKind::Events,
            StreamKind::DhtRequest,
            StreamKind::ContentRequest,
            StreamKind::Relay,
            StreamKind::KeepRequest,
            StreamKind::FeedRequest,
        ];
        let lanes = (0..=MAX_LANE).map(|lane| StreamKind::Messages { lane });
        named.into_iter().chain(lanes).collect()
    }

    fn encoded(kind: StreamKind) -> RawFrame {
        let mut out = BytesMut::new();
        Open { kind }.encode(&mut out);
        only_frame(out)
    }

    fn open_of(payload: &[u8]) -> Result<Open, OpenError> {
        let payload = Bytes::copy_from_slice(payload);
        Open::decode(RawFrame {
            frame_type: FrameType::OPEN,
            payload,
        })
    }

    #[test]
    fn open_survives_the_wire() {
        for kind in every_kind() {
            let raw = encoded(kind);
            for missing in 1..=raw.payload.len() {
                let refusal = Open::decode(cut(&raw, missing));
                assert_eq!(refusal, Err(DecodeError::Truncated.into()));
            }
            let refusal = Open::decode(with_byte_after(&raw));
            assert_eq!(refusal, Err(DecodeError::TrailingBytes { extra: 1 }.into()));
            assert_eq!(Open::decode(raw), Ok(Open { kind }));
        }
    }

    proptest! {
        #[test]
        fn unknown_kind_refuses_only_the_stream(number in any_varint(), rest: [u8; 8]) {
            let known = [0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x10, 0x11, 0x12, 0x13, 0x14];
            prop_assume!(!known.contains(&number.get()));
            let mut payload = BytesMut::new();
            put_varint(&mut payload, number);
            payload.extend_from_slice(&rest);
            let refusal = open_of(&payload).unwrap_err();
            prop_assert_eq!(refusal, OpenError::UnknownKind { kind: number.get() });
            prop_assert!(refusal.stream_code().is_some());
        }
    }

    #[test]
    fn unknown_stripe_refuses_only_the_stream() {
        let refusal = open_of(&[0x02, 0x01]).unwrap_err();
        assert_eq!(refusal, OpenError::UnknownStripe { stripe: 1 });
        assert!(refusal.stream_code().is_some());
    }

    #[test]
    fn lane_beyond_the_last_ends_the_session() {
        let refusal = open_of(&[0x03, 16]).unwrap_err();
        assert_eq!(
            refusal,
            DecodeError::LaneOutOfRange { lane: 16, max: 15 }.into()
        );
        assert_eq!(refusal.stream_code(), None);
    }

    #[test]
    fn first_frame_of_another_type_ends_the_session() {
        let raw = RawFrame {
            frame_type: FrameType::CREDIT,
            payload: Bytes::from_static(&[0, 0]),
        };
        let refusal = Open::decode(raw).unwrap_err();
        assert_eq!(refusal, DecodeError::WrongStream(FrameType::CREDIT).into());
        assert_eq!(refusal.stream_code(), None);
    }

    #[test]
    fn open_carries_at_most_256_bytes() {
        let refusal = DecodeError::TooLong { len: 257, max: 256 };
        assert_eq!(open_of(&[0x3f; 257]), Err(refusal.into()));
        assert_eq!(
            open_of(&[0x3f; 256]),
            Err(OpenError::UnknownKind { kind: 0x3f })
        );
    }
}
