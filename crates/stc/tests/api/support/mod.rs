//! What the vectors need beside the crate: fixed randomness, a deterministic ML-KEM-768, and the
//! computation of every kind of vector from its inputs.

pub(crate) mod compute;

use ml_kem::kem::Decapsulate;
use ml_kem::{B32, DecapsulationKey768, EncapsulationKey768, KeyExport, Seed};
use stc::kem::{
    CIPHERTEXT_LEN, Decapsulator, ENCAPSULATION_KEY_LEN, Encapsulated, Kem, KemError, KemKeyPair,
};
use stc::{Entropy, Secret};
use std::fmt;

/// Hands out given bytes in order, and no others.
#[derive(Debug)]
pub(crate) struct Fixed(Vec<u8>);

impl Fixed {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Entropy for Fixed {
    fn fill(&mut self, out: &mut [u8]) {
        assert!(
            out.len() <= self.0.len(),
            "the vector holds too little randomness"
        );
        let rest = self.0.split_off(out.len());
        out.copy_from_slice(&self.0);
        self.0 = rest;
    }
}

/// ML-KEM-768 of `RustCrypto`, which takes its randomness from the given source: `d | z` for a key
/// pair and `m` for a ciphertext, in the words of FIPS 203.
#[derive(Debug)]
pub(crate) struct DeterministicKem;

impl Kem for DeterministicKem {
    fn generate(&self, entropy: &mut dyn Entropy) -> Result<KemKeyPair, KemError> {
        let mut seed = Seed::default();
        entropy.fill(&mut seed);
        let private = DecapsulationKey768::from_seed(seed);
        let mut encapsulation_key = Box::new([0; ENCAPSULATION_KEY_LEN]);
        encapsulation_key.copy_from_slice(&private.encapsulation_key().to_bytes());
        Ok(KemKeyPair {
            decapsulator: Box::new(PrivateKey(private)),
            encapsulation_key,
        })
    }

    fn encapsulate(
        &self,
        key: &[u8; ENCAPSULATION_KEY_LEN],
        entropy: &mut dyn Entropy,
    ) -> Result<Encapsulated, KemError> {
        let key = EncapsulationKey768::new(key.into()).map_err(|_| KemError)?;
        let mut message = B32::default();
        entropy.fill(&mut message);
        let (sent, shared) = key.encapsulate_deterministic(&message);
        let mut ciphertext = Box::new([0; CIPHERTEXT_LEN]);
        ciphertext.copy_from_slice(&sent);
        Ok(Encapsulated {
            ciphertext,
            secret: Secret::new(shared.into()),
        })
    }
}

struct PrivateKey(DecapsulationKey768);

impl Decapsulator for PrivateKey {
    fn decapsulate(&self, ciphertext: &[u8; CIPHERTEXT_LEN]) -> Result<Secret<32>, KemError> {
        Ok(Secret::new(self.0.decapsulate(ciphertext.into()).into()))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}
