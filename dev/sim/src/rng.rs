//! Random numbers: one seed, any number of independent named sequences.
//!
//! `SplitMix64` (Steele, Lea, Flood 2014): small, fast, the same on every platform. A sequence
//! starts at a hash of the seed and of its name, so asking for one more never shifts the others.
//!
//! Not here: anything secret. These numbers are predictable by design.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

/// A source of bytes in the shape that a node takes: shared, lockable, fills a buffer.
pub type SharedEntropy = Arc<Mutex<dyn FnMut(&mut [u8]) + Send>>;

/// A named sequence of bytes that stands in for the operating system's randomness.
///
/// The same seed and name give the same bytes, from the start each time it is asked for: two
/// nodes, or two lives of one node, need two names.
#[derive(Clone)]
pub struct SimEntropy(Rng);

impl SimEntropy {
    pub(crate) fn new(seed: u64, name: &str) -> Self {
        Self(Rng::named(seed, &["entropy".as_bytes(), name.as_bytes()]))
    }

    /// Overwrites all of `buffer`.
    pub fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let word = self.0.word().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }

    /// The next `N` bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// The next 64 bits.
    pub fn word(&mut self) -> u64 {
        self.0.word()
    }

    /// Hands the sequence over as a closure.
    pub fn into_fn(mut self) -> impl FnMut(&mut [u8]) + Send + 'static {
        move |buffer| self.fill(buffer)
    }

    /// Hands the sequence over as a shared source.
    pub fn into_shared(self) -> SharedEntropy {
        Arc::new(Mutex::new(self.into_fn()))
    }
}

impl fmt::Debug for SimEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimEntropy")
    }
}

/// `SplitMix64`.
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    /// The sequence that `name` has under `seed`.
    pub(crate) fn named(seed: u64, name: &[&[u8]]) -> Self {
        let mut start = Digest::new(seed);
        for part in name {
            start.bytes(part);
        }
        Self(start.value())
    }

    /// The next 64 bits.
    pub(crate) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// The next number in `0.0..1.0`, of 53 bits.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.word() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A 64-bit digest of a sequence of words: depends on their order, not on the platform. Good
/// against accidents, not against adversaries.
#[derive(Debug, Clone)]
pub(crate) struct Digest(u64);

impl Digest {
    pub(crate) fn new(seed: u64) -> Self {
        Self(mix(seed.wrapping_add(GOLDEN)))
    }

    pub(crate) fn word(&mut self, word: u64) {
        self.0 = mix(self.0.rotate_left(23) ^ word).wrapping_add(GOLDEN);
    }

    /// Absorbs the length too, so that parts can't run into each other.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
    }

    pub(crate) fn value(&self) -> u64 {
        self.0
    }
}

/// `SplitMix64`'s finaliser: a bijection that spreads every input bit over the output.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// 2^64 divided by the golden ratio: `SplitMix64`'s step.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix_gives_its_published_sequence() {
        // First outputs of the reference implementation for the seed 1234567.
        let mut rng = Rng(1_234_567);
        assert_eq!(rng.word(), 6_457_827_717_110_365_317);
        assert_eq!(rng.word(), 3_203_168_211_198_807_973);
        assert_eq!(rng.word(), 9_817_491_932_198_370_423);
    }

    #[test]
    fn entropy_depends_on_seed_and_name_alone() {
        let bytes = |seed, name| SimEntropy::new(seed, name).bytes::<32>();
        assert_eq!(bytes(1, "a"), bytes(1, "a"));
        assert_ne!(bytes(1, "a"), bytes(1, "b"));
        assert_ne!(bytes(1, "a"), bytes(2, "a"));
    }

    #[test]
    fn unit_is_spread_evenly() {
        let mut rng = Rng::named(3, &[b"unit"]);
        let mean = (0..100_000).map(|_| rng.unit()).sum::<f64>() / 100_000.0;
        assert!((mean - 0.5).abs() < 0.01, "mean {mean}");
    }

    #[test]
    fn digest_tells_apart_order_and_boundaries() {
        let digest = |parts: &[&[u8]]| {
            let mut digest = Digest::new(0);
            for part in parts {
                digest.bytes(part);
            }
            digest.value()
        };
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
        assert_ne!(digest(&[b"a", b"b"]), digest(&[b"b", b"a"]));
    }
}
