//! What a holder says to a follower.
//!
//! | type | frame    | fields                                                                                 |
//! |------|----------|----------------------------------------------------------------------------------------|
//! | 0x26 | `ABSENT` | none                                                                                   |
//! | 0x35 | `BUSY`   | `wait` varint, milliseconds                                                            |
//! | 0x3f | `ENTRY`  | `number` varint, `flags` u8, `address` 32, `root` 32, `length` varint, `signature` 64  |
//!
//! *spec:* FEED-10 to FEED-13.

use bytes::BytesMut;

use super::FeedEntry;
use crate::fields::Fields;
use crate::frame::encode_number;
use crate::lane::stranger;
use crate::{DecodeError, FrameType, RawFrame, VarInt, encode_header};

/// A frame against the direction of the opener of a stream about a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a follower must say what it does with each"
)]
pub enum FeedAnswer {
    /// The publisher made this, and the sender has its object.
    Entry(FeedEntry),
    /// The sender has nothing to do with the feed.
    Absent,
    /// As many follow as may.
    Busy {
        /// Don't ask again for so many milliseconds.
        wait: VarInt,
    },
}

impl FeedAnswer {
    /// Appends the frame.
    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Entry(entry) => entry.encode(out),
            Self::Absent => encode_header(FrameType::ABSENT, 0, out),
            Self::Busy { wait } => encode_number(FrameType::BUSY, *wait, out),
        }
    }

    /// Reads an answer. Take it with a [`FrameDecoder`](crate::FrameDecoder) of
    /// [`MAX_FEED_ANSWER_LEN`](crate::limits::MAX_FEED_ANSWER_LEN).
    ///
    /// # Errors
    ///
    /// [`DecodeError::WrongStream`] and [`DecodeError::UnknownType`] for a frame that is no answer;
    /// [`DecodeError::UnknownValue`] for flags that are not known; [`DecodeError::Truncated`],
    /// [`DecodeError::NonMinimalVarint`] and [`DecodeError::TrailingBytes`] for malformed fields.
    pub fn decode(frame: RawFrame) -> Result<Self, DecodeError> {
        let mut fields = Fields::new(frame.payload);
        let answer = match frame.frame_type {
            FrameType::ENTRY => Self::Entry(FeedEntry::decode(&mut fields)?),
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
    use crate::limits::MAX_FEED_ANSWER_LEN;
    use crate::testing::{any_varint, cut, only_frame, with_byte_after};

    proptest! {
        #[test]
        fn feed_answers_survive_the_wire(
            number in any_varint(), length in any_varint(),
            is_last: bool, address: [u8; 32], root: [u8; 32], half: [u8; 32],
        ) {
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(&half);
            let entry = FeedEntry { number, is_last, address, root, length, signature };
            let answers = [
                FeedAnswer::Entry(entry),
                FeedAnswer::Busy { wait: number },
                FeedAnswer::Absent,
            ];
            for answer in answers {
                let mut out = BytesMut::new();
                answer.encode(&mut out);
                let raw = only_frame(out);
                prop_assert!(raw.payload.len() <= MAX_FEED_ANSWER_LEN);
                prop_assert_eq!(FeedAnswer::decode(raw.clone()), Ok(answer));
                if answer != FeedAnswer::Absent {
                    let cut = FeedAnswer::decode(cut(&raw, 1));
                    prop_assert_eq!(cut, Err(DecodeError::Truncated));
                }
                let longer = FeedAnswer::decode(with_byte_after(&raw));
                prop_assert_eq!(longer, Err(DecodeError::TrailingBytes { extra: 1 }));
            }
        }
    }
}
