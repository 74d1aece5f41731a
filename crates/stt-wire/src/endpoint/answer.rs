//! What the receiver of an endpoint stream says to its opener.
//!
//! | type | frame          | size   | field     | meaning                                         |
//! |------|----------------|--------|-----------|-------------------------------------------------|
//! | 0x1C | `ITEM_CREDIT`  | varint | `limit`   | cumulative cost that may be sent; only grows    |
//! | 0x1D | `RECEIPT`      | varint | `up_to`   | number of the first item that is not answered   |
//! |      |                | varint | `outcome` | see [`ItemOutcome`]                             |
//!
//! *spec:* WIRE-105 to WIRE-108.

use bytes::BytesMut;

use super::ItemOutcome;
use crate::fields::Fields;
use crate::lane::stranger;
use crate::varint::put_varint;
use crate::{DecodeError, FrameType, RawFrame, VarInt, encode_header};

/// A frame against the direction of an endpoint stream's opener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a session must say what it does with every frame"
)]
pub enum EndpointAnswer {
    /// Items of this cost may have been sent, in all.
    Credit {
        /// Cumulative, in units of cost.
        limit: VarInt,
    },
    /// All items not answered yet, up to a number, had one outcome.
    Receipt {
        /// The number of the first item that this does not answer.
        up_to: VarInt,
        /// What became of them.
        outcome: ItemOutcome,
    },
}

impl EndpointAnswer {
    /// Appends the frame.
    pub fn encode(self, out: &mut BytesMut) {
        match self {
            Self::Credit { limit } => {
                encode_header(FrameType::ITEM_CREDIT, limit.encoded_len(), out);
                put_varint(out, limit);
            }
            Self::Receipt { up_to, outcome } => {
                let outcome = VarInt::from(outcome);
                let len = up_to.encoded_len() + outcome.encoded_len();
                encode_header(FrameType::RECEIPT, len, out);
                put_varint(out, up_to);
                put_varint(out, outcome);
            }
        }
    }

    /// Reads an answer. Take it with a [`FrameDecoder`](crate::FrameDecoder) of
    /// [`MAX_ENDPOINT_ANSWER_LEN`](crate::limits::MAX_ENDPOINT_ANSWER_LEN).
    ///
    /// # Errors
    ///
    /// [`DecodeError::WrongStream`] and [`DecodeError::UnknownType`] for a frame that is no answer;
    /// [`DecodeError::Truncated`], [`DecodeError::NonMinimalVarint`] and
    /// [`DecodeError::TrailingBytes`] for malformed fields.
    pub fn decode(frame: RawFrame) -> Result<Self, DecodeError> {
        let mut fields = Fields::new(frame.payload);
        let answer = match frame.frame_type {
            FrameType::ITEM_CREDIT => Self::Credit {
                limit: fields.varint()?,
            },
            FrameType::RECEIPT => Self::Receipt {
                up_to: fields.varint()?,
                outcome: fields.varint()?.into(),
            },
            other => return Err(stranger(other)),
        };
        fields.end()?;
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{any_varint, cut, only_frame, with_byte_after};

    fn encoded(answer: EndpointAnswer) -> RawFrame {
        let mut out = BytesMut::new();
        answer.encode(&mut out);
        only_frame(out)
    }

    proptest! {
        #[test]
        fn endpoint_answers_survive_the_wire(up_to in any_varint(), outcome in any_varint()) {
            let receipt = EndpointAnswer::Receipt { up_to, outcome: outcome.into() };
            for answer in [receipt, EndpointAnswer::Credit { limit: up_to }] {
                let raw = encoded(answer);
                prop_assert_eq!(EndpointAnswer::decode(raw.clone()), Ok(answer));
                let cut = EndpointAnswer::decode(cut(&raw, 1));
                prop_assert_eq!(cut, Err(DecodeError::Truncated));
                let refusal = DecodeError::TrailingBytes { extra: 1 };
                let longer = EndpointAnswer::decode(with_byte_after(&raw));
                prop_assert_eq!(longer, Err(refusal));
            }
        }
    }

    #[test]
    fn items_do_not_travel_against_the_stream() {
        let raw = RawFrame {
            frame_type: FrameType::ITEM,
            payload: bytes::Bytes::new(),
        };
        let refusal = DecodeError::WrongStream(FrameType::ITEM);
        assert_eq!(EndpointAnswer::decode(raw), Err(refusal));
    }
}
