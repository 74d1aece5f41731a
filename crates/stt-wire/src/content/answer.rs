//! What a holder of content says.
//!
//! | type | frame     | fields                                                   | answers          |
//! |------|-----------|----------------------------------------------------------|------------------|
//! | 0x23 | `HOLDING` | `root` 32, `signature` 64, `length` varint               | `LOOK`           |
//! | 0x24 | `HAVE`    | runs of blocks, see [`Spans`]                            | `LOOK`, after it |
//! | 0x25 | `PIECE`   | `len` varint: so many raw bytes follow the frame         | `TAKE`           |
//! | 0x26 | `ABSENT`  | none                                                     | both             |
//! | 0x35 | `BUSY`    | `wait` varint, milliseconds                              | both             |
//!
//! *spec:* CONTENT-4 to CONTENT-9.

use bytes::{BufMut, BytesMut};

use super::Spans;
use crate::fields::Fields;
use crate::frame::encode_number;
use crate::lane::stranger;
use crate::varint::put_varint;
use crate::{DecodeError, FrameType, RawFrame, VarInt, encode_header};

/// A frame against the direction of the opener of a stream of content.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "who asks must say what it does with each"
)]
pub enum ContentAnswer {
    /// What the object is.
    Holding(Holding),
    /// The holder has these blocks too.
    Have(Spans),
    /// The part comes: so many bytes, after the frame.
    Piece {
        /// Bytes up to the end of the stream.
        len: VarInt,
    },
    /// It has no such object, with no such root, or does not have that part.
    Absent,
    /// Not now.
    Busy {
        /// Don't ask again for so many milliseconds.
        wait: VarInt,
    },
}

/// What a holder claims of an object, and signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the form of the wire")]
pub struct Holding {
    /// Names the object's only block, or its manifest.
    pub root: [u8; 32],
    /// The holder's, over address, root and length.
    pub signature: [u8; 64],
    /// Bytes of the object.
    pub length: VarInt,
}

impl ContentAnswer {
    /// Appends the frame.
    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Holding(holding) => {
                let len = 96 + holding.length.encoded_len();
                encode_header(FrameType::HOLDING, len, out);
                out.put_slice(&holding.root);
                out.put_slice(&holding.signature);
                put_varint(out, holding.length);
            }
            Self::Have(spans) => {
                encode_header(FrameType::HAVE, spans.encoded_len(), out);
                spans.encode(out);
            }
            Self::Piece { len } => encode_number(FrameType::PIECE, *len, out),
            Self::Absent => encode_header(FrameType::ABSENT, 0, out),
            Self::Busy { wait } => encode_number(FrameType::BUSY, *wait, out),
        }
    }

    /// Reads an answer. Take it with a [`FrameDecoder`](crate::FrameDecoder) of
    /// [`MAX_CONTENT_ANSWER_LEN`](crate::limits::MAX_CONTENT_ANSWER_LEN).
    ///
    /// # Errors
    ///
    /// [`DecodeError::WrongStream`] and [`DecodeError::UnknownType`] for a frame that is no answer;
    /// [`DecodeError::Truncated`], [`DecodeError::NonMinimalVarint`], [`DecodeError::TrailingBytes`],
    /// [`DecodeError::TooMany`], [`DecodeError::TooLong`] and [`DecodeError::EmptyPart`] for malformed
    /// fields.
    pub fn decode(frame: RawFrame) -> Result<Self, DecodeError> {
        let mut fields = Fields::new(frame.payload);
        let answer = match frame.frame_type {
            FrameType::HOLDING => Self::Holding(Holding {
                root: fields.array()?,
                signature: fields.array()?,
                length: fields.varint()?,
            }),
            FrameType::HAVE => return Spans::decode(fields).map(Self::Have),
            FrameType::PIECE => Self::Piece {
                len: fields.varint()?,
            },
            FrameType::ABSENT => Self::Absent,
            FrameType::BUSY => Self::Busy {
                wait: fields.varint()?,
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

    fn encoded(answer: &ContentAnswer) -> RawFrame {
        let mut out = BytesMut::new();
        answer.encode(&mut out);
        only_frame(out)
    }

    proptest! {
        #[test]
        fn content_answers_survive_the_wire(
            root: [u8; 32], signature: [[u8; 32]; 2], number in any_varint(),
            blocks in prop::collection::btree_set(0_u64..10_000, 1..50),
        ) {
            let signature = std::array::from_fn(|at| signature[at / 32][at % 32]);
            let holding = Holding { root, signature, length: number };
            let answers = [
                ContentAnswer::Holding(holding),
                ContentAnswer::Piece { len: number },
                ContentAnswer::Busy { wait: number },
            ];
            for answer in answers {
                let raw = encoded(&answer);
                prop_assert_eq!(ContentAnswer::decode(raw.clone()), Ok(answer));
                let cut = ContentAnswer::decode(cut(&raw, 1));
                prop_assert_eq!(cut, Err(DecodeError::Truncated));
                let longer = ContentAnswer::decode(with_byte_after(&raw));
                prop_assert_eq!(longer, Err(DecodeError::TrailingBytes { extra: 1 }));
            }
            let have = ContentAnswer::Have(Spans::of(blocks).unwrap());
            let raw = encoded(&have);
            prop_assert_eq!(ContentAnswer::decode(raw.clone()), Ok(have));
            prop_assert!(ContentAnswer::decode(cut(&raw, 1)).is_err());
        }
    }
}
