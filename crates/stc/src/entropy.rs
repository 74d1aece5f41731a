//! Randomness as an argument.
//!
//! *Invariant*: nothing in this crate asks the system for random bytes; whoever calls it brings
//! them, so that a simulation can replay a run byte for byte. spec: STC-1.

/// A source of random bytes.
///
/// The caller promises a cryptographically secure generator: every byte unpredictable to others
/// and never handed out twice. A weak source breaks every key made with it.
pub trait Entropy {
    /// Overwrites all of `out` with fresh random bytes.
    fn fill(&mut self, out: &mut [u8]);
}

/// `N` fresh random bytes, for values that are not secret.
pub(crate) fn random_bytes<const N: usize>(entropy: &mut dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

#[cfg(test)]
pub(crate) mod testing {
    //! A predictable source for unit tests.

    use super::Entropy;
    use aws_lc_rs::digest::{SHA512, digest};

    /// The SHA-512 of a counter, block after block: equal starts give equal streams.
    #[derive(Debug)]
    pub(crate) struct Counter(pub(crate) u64);

    impl Entropy for Counter {
        fn fill(&mut self, out: &mut [u8]) {
            for chunk in out.chunks_mut(64) {
                self.0 += 1;
                let block = digest(&SHA512, &self.0.to_be_bytes());
                chunk.copy_from_slice(&block.as_ref()[..chunk.len()]);
            }
        }
    }
}
