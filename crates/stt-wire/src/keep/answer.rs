//! What a keeper says to an owner.
//!
//! | type | frame      | fields                                      | answers                |
//! |------|------------|---------------------------------------------|------------------------|
//! | 0x26 | `ABSENT`   | none                                        | `PROVE`                |
//! | 0x2e | `KEEPING`  | `here` varint, bytes                        | `KEEP`                 |
//! | 0x2f | `KEPT`     | `lease` varint, seconds                     | `KEEP`, at last        |
//! | 0x35 | `BUSY`     | `wait` varint, milliseconds                 | both                   |
//! | 0x36 | `DECLINED` | `reason` u8, see [`Declined`]               | `KEEP`, at last        |
//! | 0x37 | `PROOF`    | `hash` 32                                   | `PROVE`                |
//!
//! *spec:* COPY-1 to COPY-9.

use bytes::{BufMut, BytesMut};

use super::Declined;
use crate::fields::Fields;
use crate::frame::encode_number;
use crate::lane::stranger;
use crate::{DecodeError, FrameType, RawFrame, VarInt, encode_header};

/// A frame against the direction of the opener of a stream about copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "an owner must say what it does with each"
)]
pub enum KeepAnswer {
    /// The copy is on its way.
    Keeping {
        /// Bytes of it that are here.
        here: VarInt,
    },
    /// The copy is whole and durable.
    Kept {
        /// It is kept for so many seconds from now on; 0: no longer.
        lease: VarInt,
    },
    /// No copy is kept.
    Declined {
        /// Why.
        reason: Declined,
    },
    /// The block is there.
    Proof {
        /// Of salt and block.
        hash: [u8; 32],
    },
    /// The block is not there.
    Absent,
    /// Not now.
    Busy {
        /// Don't ask again for so many milliseconds.
        wait: VarInt,
    },
}

impl KeepAnswer {
    /// Appends the frame.
    pub fn encode(&self, out: &mut BytesMut) {
        match *self {
            Self::Keeping { here } => encode_number(FrameType::KEEPING, here, out),
            Self::Kept { lease } => encode_number(FrameType::KEPT, lease, out),
            Self::Declined { reason } => {
                encode_header(FrameType::DECLINED, 1, out);
                out.put_u8(reason.into());
            }
            Self::Proof { hash } => {
                encode_header(FrameType::PROOF, hash.len(), out);
                out.put_slice(&hash);
            }
            Self::Absent => encode_header(FrameType::ABSENT, 0, out),
            Self::Busy { wait } => encode_number(FrameType::BUSY, wait, out),
        }
    }

    /// Reads an answer. Take it with a [`FrameDecoder`](crate::FrameDecoder) of
    /// [`MAX_KEEP_ANSWER_LEN`](crate::limits::MAX_KEEP_ANSWER_LEN).
    ///
    /// # Errors
    ///
    /// [`DecodeError::WrongStream`] and [`DecodeError::UnknownType`] for a frame that is no answer;
    /// [`DecodeError::Truncated`], [`DecodeError::NonMinimalVarint`] and
    /// [`DecodeError::TrailingBytes`] for malformed fields.
    pub fn decode(frame: RawFrame) -> Result<Self, DecodeError> {
        let mut fields = Fields::new(frame.payload);
        let answer = match frame.frame_type {
            FrameType::KEEPING => Self::Keeping {
                here: fields.varint()?,
            },
            FrameType::KEPT => Self::Kept {
                lease: fields.varint()?,
            },
            FrameType::DECLINED => Self::Declined {
                reason: fields.u8()?.into(),
            },
            FrameType::PROOF => Self::Proof {
                hash: fields.array()?,
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

    proptest! {
        #[test]
        fn keep_answers_survive_the_wire(hash: [u8; 32], number in any_varint(), reason: u8) {
            let answers = [
                KeepAnswer::Keeping { here: number },
                KeepAnswer::Kept { lease: number },
                KeepAnswer::Declined { reason: reason.into() },
                KeepAnswer::Proof { hash },
                KeepAnswer::Busy { wait: number },
                KeepAnswer::Absent,
            ];
            for answer in answers {
                let mut out = BytesMut::new();
                answer.encode(&mut out);
                let raw = only_frame(out);
                prop_assert_eq!(KeepAnswer::decode(raw.clone()), Ok(answer));
                if answer != KeepAnswer::Absent {
                    let cut = KeepAnswer::decode(cut(&raw, 1));
                    prop_assert_eq!(cut, Err(DecodeError::Truncated));
                }
                let longer = KeepAnswer::decode(with_byte_after(&raw));
                prop_assert_eq!(longer, Err(DecodeError::TrailingBytes { extra: 1 }));
            }
        }
    }
}
