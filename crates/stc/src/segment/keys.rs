//! The keys of one stream of segments, and the AEAD under them. spec: SEG-5.
//!
//! *Invariant*: a key seals at most 2^20 segments, so a stream may run for ever.

use super::header::{Header, Shape};
use super::{HEADER_LEN, SegmentStreamId};
use crate::aead::TAG_LEN;
use crate::context::StcContext;
use crate::kdf::{HASH_LEN, expand};
use crate::secret::Secret;
use crate::suite::Suite;
use aws_lc_rs::aead::{AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;

/// What a context gives for segments, and for nothing else; made of a borrowed [`StcContext`].
#[derive(Debug)]
pub struct SegmentContext(Secret<HASH_LEN>);

impl From<&StcContext> for SegmentContext {
    fn from(context: &StcContext) -> Self {
        Self(context.segments())
    }
}

impl SegmentContext {
    pub(super) fn keys(&self, suite: Suite, shape: Shape, id: SegmentStreamId) -> StreamKeys {
        let mut context = [0; 18];
        context[0] = suite.code();
        context[1] = shape.code();
        context[2..].copy_from_slice(id.as_bytes());
        let secret = expand(self.0.as_bytes(), "stream", &context);
        StreamKeys {
            current: cipher(&secret, suite, 0),
            generation: 0,
            suite,
            secret,
        }
    }
}

/// The keys of one stream.
pub(super) struct StreamKeys {
    secret: Secret<HASH_LEN>,
    suite: Suite,
    /// The key in use.
    current: LessSafeKey,
    generation: u64,
}

impl StreamKeys {
    /// What a signature names instead of context and stream, without giving either away.
    pub(super) fn binding(&self) -> Secret<32> {
        expand(self.secret.as_bytes(), "segment binding", b"")
    }

    /// Seals `segment` in place: room for the header, the body, room for the tag.
    pub(super) fn seal_in_place(
        &mut self,
        header: &Header,
        segment: &mut [u8],
    ) -> Result<(), Unspecified> {
        self.advance_to(header.sequence);
        let (fields, body, tag) = begin(header, segment)?;
        let sealed = self.current.seal_in_place_separate_tag(
            nonce(header.sequence),
            Aad::from(&fields[..]),
            body,
        )?;
        tag.copy_from_slice(sealed.as_ref());
        Ok(())
    }

    /// Seals `body` into `segment`, which has room for it, the header and the tag.
    pub(super) fn seal_from(
        &mut self,
        header: &Header,
        body: &[u8],
        segment: &mut [u8],
    ) -> Result<(), Unspecified> {
        self.advance_to(header.sequence);
        let (fields, ciphertext, tag) = begin(header, segment)?;
        self.current.seal_out_of_place_scatter(
            nonce(header.sequence),
            Aad::from(&fields[..]),
            body,
            ciphertext,
            &[],
            tag,
        )
    }

    /// Opens `segment` into `body`, which is as long as what was sealed.
    ///
    /// The key of another generation than the one in use is kept only if it fits, so that made-up
    /// numbers do not cost the next segment a derivation.
    pub(super) fn open(
        &mut self,
        header: &Header,
        segment: &[u8],
        body: &mut [u8],
    ) -> Result<(), Unspecified> {
        let generation = header.sequence / SEGMENTS_A_KEY;
        if generation == self.generation {
            return open(&self.current, header, segment, body);
        }
        let other = cipher(&self.secret, self.suite, generation);
        open(&other, header, segment, body)?;
        self.generation = generation;
        self.current = other;
        Ok(())
    }

    fn advance_to(&mut self, sequence: u64) {
        let generation = sequence / SEGMENTS_A_KEY;
        if generation != self.generation {
            self.current = cipher(&self.secret, self.suite, generation);
            self.generation = generation;
        }
    }
}

/// Writes the header, and gives the places of header, body and tag.
fn begin<'a>(header: &Header, segment: &'a mut [u8]) -> Result<Places<'a>, Unspecified> {
    let (fields, rest) = segment
        .split_first_chunk_mut::<HEADER_LEN>()
        .ok_or(Unspecified)?;
    *fields = header.encode();
    let (body, tag) = rest.split_last_chunk_mut::<TAG_LEN>().ok_or(Unspecified)?;
    Ok((fields, body, tag))
}

type Places<'a> = (&'a [u8; HEADER_LEN], &'a mut [u8], &'a mut [u8; TAG_LEN]);

fn open(
    key: &LessSafeKey,
    header: &Header,
    segment: &[u8],
    body: &mut [u8],
) -> Result<(), Unspecified> {
    let (fields, rest) = segment
        .split_first_chunk::<HEADER_LEN>()
        .ok_or(Unspecified)?;
    let (ciphertext, tag) = rest.split_last_chunk::<TAG_LEN>().ok_or(Unspecified)?;
    key.open_separate_gather(
        nonce(header.sequence),
        Aad::from(&fields[..]),
        ciphertext,
        tag,
        body,
    )
}

#[expect(clippy::expect_used, reason = "the length of the key is in its type")]
fn cipher(secret: &Secret<HASH_LEN>, suite: Suite, generation: u64) -> LessSafeKey {
    let key: Secret<32> = expand(secret.as_bytes(), "segment key", &generation.to_be_bytes());
    let algorithm = match suite {
        Suite::Aes256Gcm => &AES_256_GCM,
        Suite::ChaCha20Poly1305 => &CHACHA20_POLY1305,
    };
    LessSafeKey::new(UnboundKey::new(algorithm, key.as_bytes()).expect("both take 32 bytes"))
}

#[inline]
fn nonce(sequence: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&sequence.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

/// At most this many segments under one key.
pub(super) const SEGMENTS_A_KEY: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::super::{Extent, Mark, OVERHEAD};
    use super::*;

    #[test]
    fn no_key_seals_more_than_its_share() {
        let suite = Suite::Aes256Gcm;
        let (shape, id) = (
            Shape::new(Extent::Live, false),
            SegmentStreamId::from_bytes([1; 16]),
        );
        let context = StcContext::from_seed(&[7; 32], "test");
        let mut keys = SegmentContext::from(&context).keys(suite, shape, id);
        for (sequence, generation) in [
            (0, 0),
            ((1 << 20) - 1, 0),
            (1 << 20, 1),
            (u64::MAX, (1 << 44) - 1),
        ] {
            let header = Header {
                suite,
                shape,
                mark: Mark::More,
                is_signature: false,
                stream_id: id,
                sequence,
            };
            let mut segment = [0; OVERHEAD];
            keys.seal_in_place(&header, &mut segment).unwrap();
            let fits = |key| open(&key, &header, &segment, &mut []).is_ok();
            assert!(fits(cipher(&keys.secret, suite, generation)));
            assert!(!fits(cipher(&keys.secret, suite, generation + 1)));
        }
    }
}
