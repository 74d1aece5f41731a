//! What is asked of a holder of content.
//!
//! | type | frame  | fields                                                                       |
//! |------|--------|------------------------------------------------------------------------------|
//! | 0x21 | `LOOK` | `address` 32                                                                 |
//! | 0x22 | `TAKE` | `address` 32, `root` 32, `part` u8, `number` varint, `from` varint           |
//!
//! *spec:* CONTENT-1 to CONTENT-3.

use bytes::{BufMut, BytesMut};

use crate::fields::Fields;
use crate::lane::stranger;
use crate::varint::put_varint;
use crate::{DecodeError, FrameType, RawFrame, VarInt, encode_header};

/// The frame after OPEN on a stream of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a holder must say what it does with each"
)]
pub enum ContentRequest {
    /// What do you hold of this object?
    Look {
        /// The object's address.
        address: [u8; 32],
    },
    /// Send this part of it.
    Take {
        /// The object's address.
        address: [u8; 32],
        /// The root that it has for who asks.
        root: [u8; 32],
        /// Which part.
        part: ContentPart,
        /// The first byte of the part that is wanted; the rest of it is too.
        from: VarInt,
    },
}

/// A part of an object that has a name of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "an object has no other parts")]
pub enum ContentPart {
    /// A block, by its number.
    Block(VarInt),
    /// A manifest that names blocks, by its number.
    Page(VarInt),
    /// The manifest that names manifests.
    Top,
}

impl ContentPart {
    const BLOCK: u8 = 0x00;
    const PAGE: u8 = 0x01;
    const TOP: u8 = 0x02;

    const fn fields(self) -> (u8, VarInt) {
        match self {
            Self::Block(number) => (Self::BLOCK, number),
            Self::Page(number) => (Self::PAGE, number),
            Self::Top => (Self::TOP, VarInt::ZERO),
        }
    }

    fn decode(fields: &mut Fields) -> Result<Self, DecodeError> {
        let kind = fields.u8()?;
        let number = fields.varint()?;
        match kind {
            Self::BLOCK => Ok(Self::Block(number)),
            Self::PAGE => Ok(Self::Page(number)),
            Self::TOP if number == VarInt::ZERO => Ok(Self::Top),
            value => Err(DecodeError::UnknownValue { value }),
        }
    }
}

impl ContentRequest {
    /// The object that is asked for.
    pub const fn address(&self) -> &[u8; 32] {
        match self {
            Self::Look { address } | Self::Take { address, .. } => address,
        }
    }

    /// Appends the frame.
    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Look { address } => {
                encode_header(FrameType::LOOK, address.len(), out);
                out.put_slice(address);
            }
            Self::Take {
                address,
                root,
                part,
                from,
            } => {
                let (kind, number) = part.fields();
                let len = 65 + number.encoded_len() + from.encoded_len();
                encode_header(FrameType::TAKE, len, out);
                out.put_slice(address);
                out.put_slice(root);
                out.put_u8(kind);
                put_varint(out, number);
                put_varint(out, *from);
            }
        }
    }

    /// Reads the frame after OPEN on a stream of content. Take it with a
    /// [`FrameDecoder`](crate::FrameDecoder) of
    /// [`MAX_CONTENT_REQUEST_LEN`](crate::limits::MAX_CONTENT_REQUEST_LEN).
    ///
    /// # Errors
    ///
    /// [`DecodeError::WrongStream`] and [`DecodeError::UnknownType`] for a frame that is no request;
    /// [`DecodeError::UnknownValue`], [`DecodeError::Truncated`], [`DecodeError::NonMinimalVarint`] and
    /// [`DecodeError::TrailingBytes`] for malformed fields.
    pub fn decode(frame: RawFrame) -> Result<Self, DecodeError> {
        let mut fields = Fields::new(frame.payload);
        let request = match frame.frame_type {
            FrameType::LOOK => Self::Look {
                address: fields.array()?,
            },
            FrameType::TAKE => Self::Take {
                address: fields.array()?,
                root: fields.array()?,
                part: ContentPart::decode(&mut fields)?,
                from: fields.varint()?,
            },
            other => return Err(stranger(other)),
        };
        fields.end()?;
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{any_varint, cut, only_frame, with_byte_after};

    fn encoded(request: &ContentRequest) -> RawFrame {
        let mut out = BytesMut::new();
        request.encode(&mut out);
        only_frame(out)
    }

    proptest! {
        #[test]
        fn content_requests_survive_the_wire(
            address: [u8; 32], root: [u8; 32], number in any_varint(), from in any_varint(),
        ) {
            let parts = [ContentPart::Block(number), ContentPart::Page(number), ContentPart::Top];
            let take = |part| ContentRequest::Take { address, root, part, from };
            let requests = parts.map(take).into_iter().chain([ContentRequest::Look { address }]);
            for request in requests {
                let raw = encoded(&request);
                prop_assert_eq!(ContentRequest::decode(raw.clone()), Ok(request));
                let cut = ContentRequest::decode(cut(&raw, 1));
                prop_assert_eq!(cut, Err(DecodeError::Truncated));
                let longer = ContentRequest::decode(with_byte_after(&raw));
                prop_assert_eq!(longer, Err(DecodeError::TrailingBytes { extra: 1 }));
            }
        }
    }
}
