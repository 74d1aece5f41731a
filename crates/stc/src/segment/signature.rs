//! Who made a stream: what is signed, and how it is verified. spec: SEG-11 to SEG-13.
//!
//! ```text
//! body      = [length u64] | [signer 32] | digest 16 each | signature 64       the first two in segment 0
//! signed    = binding 32 | header 27 | body without the signature
//! ```

use super::header::{Extent, Header};
use super::{HEADER_LEN, LENGTH_LEN, OVERHEAD};
use crate::identity::{Identity, NodeId, SIGNATURE_LEN, SignatureError};
use crate::kdf::sha512;
use crate::secret::Secret;
use std::sync::Arc;

/// Segments of data between two signatures, at most.
pub const MAX_UNSIGNED: usize = 64;

/// The digest of a segment as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; Self::LEN]);

impl Digest {
    /// Bytes of a digest.
    pub const LEN: usize = 16;

    /// The digest of a whole segment, header and tag included.
    pub fn of(segment: &[u8]) -> Self {
        let hash = sha512(&[segment]);
        Self(std::array::from_fn(|i| hash[i]))
    }
}

/// A sealer's side: who signs, and what waits for it.
#[derive(Debug)]
pub(super) struct Signing {
    identity: Arc<Identity>,
    unsigned: Vec<Digest>,
}

impl Signing {
    pub(super) fn new(identity: Arc<Identity>) -> Self {
        Self {
            identity,
            unsigned: Vec::with_capacity(MAX_UNSIGNED),
        }
    }

    pub(super) fn unsigned(&self) -> usize {
        self.unsigned.len()
    }

    pub(super) fn add(&mut self, segment: &[u8]) {
        self.unsigned.push(Digest::of(segment));
    }

    /// Bytes of the signature segment that would come now.
    pub(super) fn segment_len(&self, sequence: u64, extent: Extent) -> usize {
        let first = if sequence == 0 {
            SIGNER_LEN + length_len(extent)
        } else {
            0
        };
        OVERHEAD + first + self.unsigned.len() * Digest::LEN + SIGNATURE_LEN
    }

    /// Writes the body of the signature segment with this header into `segment`, and signs it.
    pub(super) fn write(
        &mut self,
        header: &Header,
        extent: Extent,
        binding: &Secret<32>,
        segment: &mut [u8],
    ) -> Option<()> {
        let mut body = Vec::with_capacity(segment.len());
        if header.sequence == 0 {
            if let Extent::Bounded(length) = extent {
                body.extend_from_slice(&length.to_be_bytes());
            }
            body.extend_from_slice(self.identity.node_id().as_bytes());
        }
        body.extend(self.unsigned.drain(..).flat_map(|digest| digest.0));
        let message = [&binding.as_bytes()[..], &header.encode(), &body].concat();
        body.extend_from_slice(&self.identity.sign(LABEL, &message));
        let room = segment.get_mut(HEADER_LEN..HEADER_LEN + body.len())?;
        room.copy_from_slice(&body);
        Some(())
    }
}

/// The content of a signature segment. Says who signed; whether he did, [`verify`](Self::verify) finds out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSignature {
    signer: Option<NodeId>,
    length: Option<u64>,
    digests: Vec<Digest>,
    signature: [u8; SIGNATURE_LEN],
    message: Vec<u8>,
}

impl StreamSignature {
    /// Reads the body of a signature segment with this header; `None` if it breaks the layout.
    pub(super) fn decode(header: &Header, binding: &Secret<32>, body: &[u8]) -> Option<Self> {
        let (signed, signature) = body.split_last_chunk::<SIGNATURE_LEN>()?;
        let is_first = header.sequence == 0;
        let (length, rest) = split_length(is_first && header.shape.is_bounded(), signed)?;
        let (signer, digests) = if is_first {
            let (signer, rest) = rest.split_first_chunk::<SIGNER_LEN>()?;
            (Some(NodeId::from_bytes(*signer)), rest)
        } else {
            (None, rest)
        };
        let (digests, spare) = digests.as_chunks::<{ Digest::LEN }>();
        // Before segment 0 there is nothing to sign.
        if !spare.is_empty() || digests.len() as u64 > header.sequence.min(MAX_UNSIGNED as u64) {
            return None;
        }
        Some(Self {
            signer,
            length,
            digests: digests.iter().map(|bytes| Digest(*bytes)).collect(),
            signature: *signature,
            message: [&binding.as_bytes()[..], &header.encode(), signed].concat(),
        })
    }

    /// Whether `signer` made the stream up to here.
    ///
    /// # Errors
    ///
    /// When it did not, or when segment 0 names another signer.
    pub fn verify(&self, signer: &NodeId) -> Result<(), SignatureError> {
        if self.signer.is_some_and(|named| named != *signer) {
            return Err(SignatureError);
        }
        signer.verify(LABEL, &self.message, &self.signature)
    }

    /// Whom segment 0 names.
    pub fn signer(&self) -> Option<NodeId> {
        self.signer
    }

    /// The digests of the segments of data since the signature before this one, in order.
    pub fn digests(&self) -> &[Digest] {
        &self.digests
    }

    pub(super) fn length(&self) -> Option<u64> {
        self.length
    }
}

/// Takes the length off the beginning of a body that has one; `None` if it is missing.
pub(super) fn split_length(has_length: bool, body: &[u8]) -> Option<(Option<u64>, &[u8])> {
    if !has_length {
        return Some((None, body));
    }
    let (length, rest) = body.split_first_chunk::<LENGTH_LEN>()?;
    Some((Some(u64::from_be_bytes(*length)), rest))
}

fn length_len(extent: Extent) -> usize {
    match extent {
        Extent::Live => 0,
        Extent::Bounded(_) => LENGTH_LEN,
    }
}

const LABEL: &str = "segment stream";
const SIGNER_LEN: usize = 32;
