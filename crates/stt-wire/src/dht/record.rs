//! What a member signs for others to hold: that it has some content, or where it is.
//!
//! | size   | field     | meaning                                               |
//! |--------|-----------|-------------------------------------------------------|
//! | 1      | kind      | see [`RecordKind`]                                    |
//! | 32     | key       | where in the DHT it belongs                           |
//! | 32     | node      | who signed it                                         |
//! | varint | issued    | seconds since 1970, by the signer's clock             |
//! | varint | lifetime  | seconds from then on; 0 withdraws an older one        |
//! | 2      | length    | bytes that follow, at most 512                        |
//! | length | sealed    | for those who hold a key; to all others noise         |
//! | 64     | signature | over all before it                                    |
//!
//! *Not here.* Whether the signature is good, whether it has expired: `stt-dht`.
//!
//! *spec:* DHT-20 to DHT-22, `spec/registry/dht.toml`.

use bytes::{BufMut, Bytes, BytesMut};

use crate::fields::Fields;
use crate::lane::within;
use crate::limits::MAX_SEALED_LEN;
use crate::varint::put_varint;
use crate::{DecodeError, VarInt};

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKind(u8);

impl RecordKind {
    /// The signer has the content whose key this is.
    pub const PROVIDER: Self = Self(0x00);
    /// Where the signer is.
    pub const PEER: Self = Self(0x01);

    /// The name in the registry, if it has one.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::PROVIDER => Some("PROVIDER"),
            Self::PEER => Some("PEER"),
            _ => None,
        }
    }
}

impl From<u8> for RecordKind {
    fn from(number: u8) -> Self {
        Self(number)
    }
}

impl From<RecordKind> for u8 {
    fn from(kind: RecordKind) -> Self {
        kind.0
    }
}

/// A signed record, not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the form of the wire")]
pub struct Record {
    /// What it says.
    pub kind: RecordKind,
    /// Where in the DHT it belongs.
    pub key: [u8; 32],
    /// Who signed it.
    pub node: [u8; 32],
    /// When, in seconds since 1970 by the signer's clock.
    pub issued: VarInt,
    /// How long it holds from then on, in seconds; 0 withdraws an older one.
    pub lifetime: VarInt,
    /// What only holders of a key can read, at most [`MAX_SEALED_LEN`] bytes; more are cut off.
    pub sealed: Bytes,
    /// Over [`signed_part`](Self::signed_part).
    pub signature: [u8; 64],
}

impl Record {
    /// Bytes of the record on the wire.
    pub fn encoded_len(&self) -> usize {
        let times = self.issued.encoded_len() + self.lifetime.encoded_len();
        1 + 32 + 32 + times + 2 + self.sealed().len() + 64
    }

    /// The bytes that the signature covers: all others of the record.
    pub fn signed_part(&self) -> BytesMut {
        let mut out = BytesMut::with_capacity(self.encoded_len());
        self.put_signed(&mut out);
        out
    }

    pub(crate) fn encode(&self, out: &mut BytesMut) {
        self.put_signed(out);
        out.put_slice(&self.signature);
    }

    fn put_signed(&self, out: &mut BytesMut) {
        let sealed = self.sealed();
        out.put_u8(self.kind.0);
        out.put_slice(&self.key);
        out.put_slice(&self.node);
        put_varint(out, self.issued);
        put_varint(out, self.lifetime);
        out.put_u16(sealed.len() as u16);
        out.put_slice(sealed);
    }

    fn sealed(&self) -> &[u8] {
        &self.sealed[..self.sealed.len().min(MAX_SEALED_LEN)]
    }

    pub(crate) fn decode(fields: &mut Fields) -> Result<Self, DecodeError> {
        let kind = RecordKind(fields.u8()?);
        let (key, node) = (fields.array()?, fields.array()?);
        let (issued, lifetime) = (fields.varint()?, fields.varint()?);
        let len = u16::from_be_bytes(fields.array()?);
        within(len.into(), MAX_SEALED_LEN as u64)?;
        Ok(Self {
            kind,
            key,
            node,
            issued,
            lifetime,
            // A copy: a record that is held must not hold the whole message it came in.
            sealed: Bytes::copy_from_slice(&fields.bytes(len.into())?),
            signature: fields.array()?,
        })
    }
}
