//! From words to a seed: Argon2id, salted by the realm. spec: STC-13, STC-14; source: RFC 9106.
//!
//! The stretching makes each online guess dear and slows an attacker who stole a device; offline
//! guessing from recorded traffic is stopped by the key exchange, not by this.

use super::seed::SeedKeys;
use crate::content::ContentHasher;
use crate::secret::Secret;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroize;

/// Why words were not accepted as a passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PassphraseError {
    /// The realm is empty. It is the salt: name what the passphrase is for.
    #[error("the realm of a passphrase is empty")]
    EmptyRealm,
    /// The realm has a colon, which ends it in the text form.
    #[error("the realm of a passphrase contains a colon")]
    ColonInRealm,
    /// There are no words.
    #[error("the passphrase is empty")]
    EmptyWords,
    /// Too few characters to withstand even guesses over the network.
    #[error("the passphrase has {actual} characters, fewer than {MIN_WORDS_LEN}")]
    TooShort {
        /// Characters it has.
        actual: usize,
    },
    /// Realm or words exceed 1,024 bytes.
    #[error("the passphrase or its realm is longer than {MAX_TEXT_LEN} bytes")]
    TooLong,
    /// A control character, such as a line break, which a text form cannot hold.
    #[error("the passphrase or its realm contains a control character")]
    ControlCharacter,
    /// The 64 MiB that stretching needs could not be had.
    #[error("not enough memory to stretch the passphrase")]
    OutOfMemory,
}

/// Stretches `words` of `realm`: 64 MiB and about 0.2 s.
pub(super) fn stretch(realm: &str, words: &str) -> Result<SeedKeys, PassphraseError> {
    let (realm, words) = (realm.trim(), words.trim());
    check(realm, words)?;
    Ok(SeedKeys::passphrase(&argon2id(&salt(realm), words)?))
}

fn check(realm: &str, words: &str) -> Result<(), PassphraseError> {
    if realm.is_empty() {
        return Err(PassphraseError::EmptyRealm);
    }
    if realm.contains(':') {
        return Err(PassphraseError::ColonInRealm);
    }
    if words.is_empty() {
        return Err(PassphraseError::EmptyWords);
    }
    if realm.len() > MAX_TEXT_LEN || words.len() > MAX_TEXT_LEN {
        return Err(PassphraseError::TooLong);
    }
    if realm.chars().chain(words.chars()).any(char::is_control) {
        return Err(PassphraseError::ControlCharacter);
    }
    let actual = words.chars().count();
    if actual < MIN_WORDS_LEN {
        return Err(PassphraseError::TooShort { actual });
    }
    Ok(())
}

fn salt(realm: &str) -> [u8; SALT_LEN] {
    let mut hasher = ContentHasher::new();
    hasher.update(b"stc1 realm");
    hasher.update(realm.as_bytes());
    let hash = hasher.finish();
    std::array::from_fn(|i| hash[i])
}

fn argon2id(salt: &[u8; SALT_LEN], words: &str) -> Result<Secret<32>, PassphraseError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(32))
        .map_err(|_| PassphraseError::OutOfMemory)?;
    let mut memory = Vec::new();
    memory
        .try_reserve_exact(params.block_count())
        .map_err(|_| PassphraseError::OutOfMemory)?;
    memory.resize(params.block_count(), Block::default());
    let mut out = Secret::zeroed();
    let result = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(words.as_bytes(), salt, out.as_mut_bytes(), &mut memory)
        .map_err(|_| PassphraseError::OutOfMemory);
    // The blocks tell a guess from the truth as well as the result does.
    for block in &mut memory {
        block.as_mut().zeroize();
    }
    result.map(|()| out)
}

/// 64 MiB: the second recommended option of RFC 9106 section 4, with one lane.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
/// One lane, since there are no threads here.
const LANES: u32 = 1;
const SALT_LEN: usize = 16;
/// Characters. Guesses cost a handshake each, so this need not resist a cracker, only a script.
const MIN_WORDS_LEN: usize = 8;
const MAX_TEXT_LEN: usize = 1_024;
