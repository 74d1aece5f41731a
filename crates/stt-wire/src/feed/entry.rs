//! One entry of a feed, and what of it is signed.
//!
//! *spec:* FEED-3.

use bytes::{BufMut, BytesMut};

use crate::fields::Fields;
use crate::varint::put_varint;
use crate::{DecodeError, FrameType, VarInt, encode_header};

/// What a publisher made: the number and the reference of an object, signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the fields of the frame")]
pub struct FeedEntry {
    /// Its place in the feed, from 0.
    pub number: VarInt,
    /// Nothing comes behind it.
    pub is_last: bool,
    /// The address of its object.
    pub address: [u8; 32],
    /// The root of its object.
    pub root: [u8; 32],
    /// Bytes of its object.
    pub length: VarInt,
    /// The publisher's, of [`signed_bytes`](Self::signed_bytes).
    pub signature: [u8; 64],
}

const LAST: u8 = 0x01;

impl FeedEntry {
    /// Bytes that are signed.
    pub const SIGNED_LEN: usize = 97;

    /// What the publisher signs, for the feed of this id.
    pub fn signed_bytes(&self, id: &[u8; 16]) -> [u8; Self::SIGNED_LEN] {
        let mut signed = [0; Self::SIGNED_LEN];
        signed[..16].copy_from_slice(id);
        signed[16..24].copy_from_slice(&self.number.get().to_be_bytes());
        signed[24] = self.flags();
        signed[25..57].copy_from_slice(&self.address);
        signed[57..89].copy_from_slice(&self.root);
        signed[89..].copy_from_slice(&self.length.get().to_be_bytes());
        signed
    }

    fn flags(&self) -> u8 {
        if self.is_last { LAST } else { 0 }
    }

    pub(super) fn encode(&self, out: &mut BytesMut) {
        let len = 129 + self.number.encoded_len() + self.length.encoded_len();
        encode_header(FrameType::ENTRY, len, out);
        put_varint(out, self.number);
        out.put_u8(self.flags());
        out.put_slice(&self.address);
        out.put_slice(&self.root);
        put_varint(out, self.length);
        out.put_slice(&self.signature);
    }

    pub(super) fn decode(fields: &mut Fields) -> Result<Self, DecodeError> {
        Ok(Self {
            number: fields.varint()?,
            is_last: match fields.u8()? {
                0 => false,
                LAST => true,
                value => return Err(DecodeError::UnknownValue { value }),
            },
            address: fields.array()?,
            root: fields.array()?,
            length: fields.varint()?,
            signature: fields.array()?,
        })
    }
}
