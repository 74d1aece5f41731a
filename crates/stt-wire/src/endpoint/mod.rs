//! An endpoint stream: items for one named endpoint one way, credit and receipts the other way.
//!
//! | way      | type | frame          | fields                       |
//! |----------|------|----------------|------------------------------|
//! | opener's | 0x18 | `ATTACH`       | [`Name`]                     |
//! | opener's | 0x19 | `ITEM`         | bytes to the end             |
//! | opener's | 0x1A | `ITEM_START`   | `total`, bytes to the end    |
//! | opener's | 0x1B | `ITEM_MORE`    | bytes to the end             |
//! | other's  | 0x1C | `ITEM_CREDIT`  | `limit`                      |
//! | other's  | 0x1D | `RECEIPT`      | `up_to`, `outcome`           |
//!
//! *Invariant.* Payloads are slices of what was received, never copies; a name is a copy.
//!
//! *Not here.* Which frame may come when, and whether parts add up: the session knows the state of
//! each stream.
//!
//! *spec:* WIRE-100 to WIRE-112.

mod answer;
mod outcome;

use bytes::{Bytes, BytesMut};

use crate::fields::Fields;
use crate::lane::{part, part_of_several, stranger, within};
use crate::varint::put_varint;
use crate::{DecodeError, FrameType, Name, RawFrame, VarInt, encode_header};

pub use answer::EndpointAnswer;
pub use outcome::ItemOutcome;

/// A frame in the direction of an endpoint stream's opener.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a session must say what it does with every frame"
)]
pub enum EndpointFrame {
    /// Names the endpoint; the first frame after OPEN.
    Attach(Name),
    /// A whole item; at most [`MAX_PART_LEN`](crate::limits::MAX_PART_LEN) bytes, or none.
    Item(Bytes),
    /// The first part of a longer item.
    ItemStart {
        /// Bytes of the whole item, this part included.
        total: VarInt,
        /// The first bytes: at least one, and fewer than `total`.
        payload: Bytes,
    },
    /// The next part of the item under way; at least one byte.
    ItemMore(Bytes),
}

impl EndpointFrame {
    /// Appends the frame, with a copy of its payload.
    pub fn encode(&self, out: &mut BytesMut) {
        self.encode_header(out);
        out.extend_from_slice(self.payload());
    }

    /// Appends all of the frame but its [`payload`](Self::payload), which the caller sends next.
    #[inline]
    pub fn encode_header(&self, out: &mut BytesMut) {
        match self {
            Self::Attach(name) => {
                encode_header(FrameType::ATTACH, name.encoded_len(), out);
                name.encode(out);
            }
            Self::Item(payload) => encode_header(FrameType::ITEM, payload.len(), out),
            Self::ItemStart { total, payload } => {
                let len = total.encoded_len() + payload.len();
                encode_header(FrameType::ITEM_START, len, out);
                put_varint(out, *total);
            }
            Self::ItemMore(payload) => encode_header(FrameType::ITEM_MORE, payload.len(), out),
        }
    }

    /// Reads a frame of an endpoint stream after its OPEN. Take it with a
    /// [`FrameDecoder`](crate::FrameDecoder) of
    /// [`MAX_ENDPOINT_FRAME_LEN`](crate::limits::MAX_ENDPOINT_FRAME_LEN). `max_item` is the longest
    /// item the receiver takes, in bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError::WrongStream`] and [`DecodeError::UnknownType`] for a frame that is none of
    /// the four; [`DecodeError::TooLong`], [`DecodeError::EmptyPart`] and
    /// [`DecodeError::PartFillsMessage`] for a part or an item of a forbidden size;
    /// [`DecodeError::NameNotUtf8`], [`DecodeError::Truncated`],
    /// [`DecodeError::NonMinimalVarint`] and [`DecodeError::TrailingBytes`] for malformed fields.
    #[inline]
    pub fn decode(frame: RawFrame, max_item: u64) -> Result<Self, DecodeError> {
        let RawFrame {
            frame_type,
            mut payload,
        } = frame;
        match frame_type {
            FrameType::ATTACH => {
                let name = Name::take(&mut payload)?;
                Fields::new(payload).end()?;
                Ok(Self::Attach(name))
            }
            FrameType::ITEM => {
                let payload = part(Fields::new(payload))?;
                within(payload.len() as u64, max_item)?;
                Ok(Self::Item(payload))
            }
            FrameType::ITEM_START => Self::decode_start(Fields::new(payload), max_item),
            FrameType::ITEM_MORE => part_of_several(Fields::new(payload)).map(Self::ItemMore),
            other => Err(stranger(other)),
        }
    }

    fn decode_start(mut fields: Fields, max_item: u64) -> Result<Self, DecodeError> {
        let total = fields.varint()?;
        within(total.get(), max_item)?;
        let payload = part_of_several(fields)?;
        let len = payload.len() as u64;
        if len >= total.get() {
            let total = total.get();
            return Err(DecodeError::PartFillsMessage { len, total });
        }
        Ok(Self::ItemStart { total, payload })
    }

    /// The application's bytes in the frame; none in an ATTACH.
    pub fn payload(&self) -> &[u8] {
        match self {
            Self::Attach(_) => &[],
            Self::Item(payload) | Self::ItemStart { payload, .. } | Self::ItemMore(payload) => {
                payload
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limits::{DEFAULT_MESSAGE_LEN, MAX_PART_LEN};
    use crate::testing::{any_payload, cut, only_frame, with_byte_after};

    fn encoded(frame: &EndpointFrame) -> RawFrame {
        let mut out = BytesMut::new();
        frame.encode(&mut out);
        only_frame(out)
    }

    fn decode(raw: RawFrame) -> Result<EndpointFrame, DecodeError> {
        EndpointFrame::decode(raw, DEFAULT_MESSAGE_LEN)
    }

    fn start(total: u64, payload: Bytes) -> EndpointFrame {
        let total = VarInt::saturating(total);
        EndpointFrame::ItemStart { total, payload }
    }

    proptest! {
        #[test]
        fn endpoint_frames_survive_the_wire(
            name in ".{0,63}",
            payload in any_payload(1),
            total in 300..DEFAULT_MESSAGE_LEN,
        ) {
            let frames = [
                EndpointFrame::Attach(Name::try_from(name).unwrap()),
                EndpointFrame::Item(payload.clone()),
                start(total, payload.clone()),
                EndpointFrame::ItemMore(payload),
            ];
            for frame in frames {
                prop_assert_eq!(decode(encoded(&frame)), Ok(frame));
            }
        }
    }

    #[test]
    fn item_may_be_empty_and_a_part_of_one_may_not() {
        let empty = EndpointFrame::Item(Bytes::new());
        assert_eq!(decode(encoded(&empty)), Ok(empty));
        for frame in [
            EndpointFrame::ItemMore(Bytes::new()),
            start(9, Bytes::new()),
        ] {
            assert_eq!(decode(encoded(&frame)), Err(DecodeError::EmptyPart));
        }
    }

    #[test]
    fn first_part_leaves_something_to_follow() {
        for total in [0, 2, 3] {
            let refusal = DecodeError::PartFillsMessage { len: 3, total };
            let frame = start(total, Bytes::from_static(b"abc"));
            assert_eq!(decode(encoded(&frame)), Err(refusal));
        }
    }

    #[test]
    fn item_is_bound_by_the_receivers_limit_and_a_part_by_64_kib() {
        let item = encoded(&EndpointFrame::Item(Bytes::from_static(b"four")));
        let refusal = DecodeError::TooLong { len: 4, max: 3 };
        assert_eq!(EndpointFrame::decode(item, 3), Err(refusal));
        let announced = encoded(&start(DEFAULT_MESSAGE_LEN + 1, Bytes::from_static(b"a")));
        assert!(matches!(
            decode(announced),
            Err(DecodeError::TooLong { .. })
        ));
        let long = Bytes::from(vec![0; MAX_PART_LEN + 1]);
        for frame in [
            EndpointFrame::Item(long.clone()),
            EndpointFrame::ItemMore(long),
        ] {
            let refusal = decode(encoded(&frame));
            assert!(matches!(refusal, Err(DecodeError::TooLong { .. })));
        }
    }

    #[test]
    fn attach_is_a_name_and_nothing_else() {
        let raw = encoded(&EndpointFrame::Attach(Name::try_from("sensors").unwrap()));
        assert_eq!(decode(cut(&raw, 1)), Err(DecodeError::Truncated));
        let refusal = DecodeError::TrailingBytes { extra: 1 };
        assert_eq!(decode(with_byte_after(&raw)), Err(refusal));
    }

    #[test]
    fn endpoint_streams_opener_sends_no_other_type() {
        for number in (0x00..=0x17).chain(0x1c..=0xff) {
            let raw = RawFrame {
                frame_type: FrameType::from(number),
                payload: Bytes::new(),
            };
            assert!(matches!(
                decode(raw),
                Err(DecodeError::IllegalType
                    | DecodeError::WrongStream(_)
                    | DecodeError::UnknownType(_))
            ));
        }
    }
}
