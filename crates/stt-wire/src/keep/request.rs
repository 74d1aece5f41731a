//! What an owner asks of a keeper.
//!
//! | type | frame   | fields                                                                |
//! |------|---------|-----------------------------------------------------------------------|
//! | 0x27 | `KEEP`  | `address` 32, `root` 32, `length` varint, `lease` varint, in seconds  |
//! | 0x2d | `PROVE` | `address` 32, `root` 32, `block` varint, `salt` 32                    |
//!
//! *spec:* COPY-1, COPY-2, COPY-9.

use bytes::{BufMut, BytesMut};

use crate::fields::Fields;
use crate::lane::stranger;
use crate::varint::put_varint;
use crate::{DecodeError, FrameType, RawFrame, VarInt, encode_header};

/// The frame after OPEN on a stream about copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a keeper must say what it does with each"
)]
pub enum KeepRequest {
    /// Keep a copy, or let go of it.
    Keep {
        /// The object's address.
        address: [u8; 32],
        /// Its root.
        root: [u8; 32],
        /// Its bytes.
        length: VarInt,
        /// For so many seconds; 0: no longer.
        lease: VarInt,
    },
    /// Show that a block is still there.
    Prove {
        /// The object's address.
        address: [u8; 32],
        /// Its root.
        root: [u8; 32],
        /// The number of the block.
        block: VarInt,
        /// What the hash is keyed with.
        salt: [u8; 32],
    },
}

impl KeepRequest {
    /// Appends the frame.
    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Keep {
                address,
                root,
                length,
                lease,
            } => {
                let len = 64 + length.encoded_len() + lease.encoded_len();
                encode_header(FrameType::KEEP, len, out);
                out.put_slice(address);
                out.put_slice(root);
                put_varint(out, *length);
                put_varint(out, *lease);
            }
            Self::Prove {
                address,
                root,
                block,
                salt,
            } => {
                encode_header(FrameType::PROVE, 96 + block.encoded_len(), out);
                out.put_slice(address);
                out.put_slice(root);
                put_varint(out, *block);
                out.put_slice(salt);
            }
        }
    }

    /// Reads the frame after OPEN on a stream about copies. Take it with a
    /// [`FrameDecoder`](crate::FrameDecoder) of
    /// [`MAX_KEEP_REQUEST_LEN`](crate::limits::MAX_KEEP_REQUEST_LEN).
    ///
    /// # Errors
    ///
    /// [`DecodeError::WrongStream`] and [`DecodeError::UnknownType`] for a frame that is no request;
    /// [`DecodeError::Truncated`], [`DecodeError::NonMinimalVarint`] and
    /// [`DecodeError::TrailingBytes`] for malformed fields.
    pub fn decode(frame: RawFrame) -> Result<Self, DecodeError> {
        let mut fields = Fields::new(frame.payload);
        let request = match frame.frame_type {
            FrameType::KEEP => Self::Keep {
                address: fields.array()?,
                root: fields.array()?,
                length: fields.varint()?,
                lease: fields.varint()?,
            },
            FrameType::PROVE => Self::Prove {
                address: fields.array()?,
                root: fields.array()?,
                block: fields.varint()?,
                salt: fields.array()?,
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
    use crate::limits::MAX_KEEP_REQUEST_LEN;
    use crate::testing::{any_varint, cut, only_frame, with_byte_after};

    proptest! {
        #[test]
        fn keep_requests_survive_the_wire(
            address: [u8; 32], root: [u8; 32], salt: [u8; 32],
            number in any_varint(), lease in any_varint(),
        ) {
            let requests = [
                KeepRequest::Keep { address, root, length: number, lease },
                KeepRequest::Prove { address, root, block: number, salt },
            ];
            for request in requests {
                let mut out = BytesMut::new();
                request.encode(&mut out);
                let raw = only_frame(out);
                prop_assert!(raw.payload.len() <= MAX_KEEP_REQUEST_LEN);
                prop_assert_eq!(KeepRequest::decode(raw.clone()), Ok(request));
                let cut = KeepRequest::decode(cut(&raw, 1));
                prop_assert_eq!(cut, Err(DecodeError::Truncated));
                let longer = KeepRequest::decode(with_byte_after(&raw));
                prop_assert_eq!(longer, Err(DecodeError::TrailingBytes { extra: 1 }));
            }
        }
    }
}
