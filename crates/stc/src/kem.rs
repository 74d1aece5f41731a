//! The post-quantum half of the handshake: ML-KEM-768 behind a seam.
//!
//! Production uses [`MlKem768`]; vectors need a deterministic one, which tests put into the same
//! seam. spec: STC-21; source: FIPS 203.

use crate::entropy::Entropy;
use crate::secret::Secret;
use aws_lc_rs::kem;
use std::fmt;

/// Bytes of an encapsulation key.
pub const ENCAPSULATION_KEY_LEN: usize = 1184;
/// Bytes of a ciphertext.
pub const CIPHERTEXT_LEN: usize = 1088;

/// A key encapsulation mechanism with the sizes of ML-KEM-768.
pub trait Kem: Send + Sync + fmt::Debug {
    /// Makes a key pair.
    ///
    /// # Errors
    ///
    /// When the library fails; not something a peer can cause.
    fn generate(&self, entropy: &mut dyn Entropy) -> Result<KemKeyPair, KemError>;

    /// Makes a secret for the owner of `key`.
    ///
    /// # Errors
    ///
    /// When `key` is not a valid encapsulation key.
    fn encapsulate(
        &self,
        key: &[u8; ENCAPSULATION_KEY_LEN],
        entropy: &mut dyn Entropy,
    ) -> Result<Encapsulated, KemError>;
}

/// Both halves of a key pair.
#[derive(Debug)]
pub struct KemKeyPair {
    /// The half that stays.
    pub decapsulator: Box<dyn Decapsulator>,
    /// The half to send.
    pub encapsulation_key: Box<[u8; ENCAPSULATION_KEY_LEN]>,
}

/// A fresh secret, and the form in which it travels.
#[derive(Debug)]
pub struct Encapsulated {
    /// What to send.
    pub ciphertext: Box<[u8; CIPHERTEXT_LEN]>,
    /// What the owner of the key will find in it.
    pub secret: Secret<32>,
}

/// The half of a key pair that stays with its maker.
pub trait Decapsulator: Send + Sync + fmt::Debug {
    /// The secret in `ciphertext`.
    ///
    /// A changed ciphertext gives a wrong secret, not an error (implicit rejection).
    ///
    /// # Errors
    ///
    /// When the library fails.
    fn decapsulate(&self, ciphertext: &[u8; CIPHERTEXT_LEN]) -> Result<Secret<32>, KemError>;
}

/// The key is not valid, or the library failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("key encapsulation refused")]
pub struct KemError;

/// ML-KEM-768 of aws-lc.
///
/// Ignores the given [`Entropy`]: the library draws from its own generator. This is the one place
/// of the crate where randomness does not come in as an argument.
#[derive(Debug, Clone, Copy, Default)]
pub struct MlKem768;

impl Kem for MlKem768 {
    fn generate(&self, _entropy: &mut dyn Entropy) -> Result<KemKeyPair, KemError> {
        let private = kem::DecapsulationKey::generate(&kem::ML_KEM_768).map_err(refused)?;
        let public = private.encapsulation_key().map_err(refused)?;
        let encapsulation_key = boxed(public.key_bytes().map_err(refused)?.as_ref())?;
        Ok(KemKeyPair {
            decapsulator: Box::new(PrivateKey(private)),
            encapsulation_key,
        })
    }

    fn encapsulate(
        &self,
        key: &[u8; ENCAPSULATION_KEY_LEN],
        _entropy: &mut dyn Entropy,
    ) -> Result<Encapsulated, KemError> {
        let key = kem::EncapsulationKey::new(&kem::ML_KEM_768, key).map_err(refused)?;
        let (ciphertext, shared) = key.encapsulate().map_err(refused)?;
        Ok(Encapsulated {
            ciphertext: boxed(ciphertext.as_ref())?,
            secret: secret(shared.as_ref())?,
        })
    }
}

#[derive(Debug)]
struct PrivateKey(kem::DecapsulationKey);

impl Decapsulator for PrivateKey {
    fn decapsulate(&self, ciphertext: &[u8; CIPHERTEXT_LEN]) -> Result<Secret<32>, KemError> {
        let shared = self
            .0
            .decapsulate(ciphertext.as_slice().into())
            .map_err(refused)?;
        secret(shared.as_ref())
    }
}

fn boxed<const N: usize>(bytes: &[u8]) -> Result<Box<[u8; N]>, KemError> {
    Box::<[u8]>::from(bytes).try_into().map_err(refused)
}

fn secret(bytes: &[u8]) -> Result<Secret<32>, KemError> {
    let mut secret = Secret::zeroed();
    if bytes.len() != secret.as_bytes().len() {
        return Err(KemError);
    }
    secret.as_mut_bytes().copy_from_slice(bytes);
    Ok(secret)
}

fn refused<E>(_: E) -> KemError {
    KemError
}
