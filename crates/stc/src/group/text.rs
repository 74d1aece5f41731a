//! The text forms of a group. spec: STC-7, STC-8.
//!
//! ```text
//! stt1<88 characters of base32>                      one epoch of a random seed, one a line
//! passphrase:REALM:WORDS                             a passphrase, alone
//!
//! base32 of: version u8 = 1 | group id 16 | epoch u16 | key 32 | checksum 4
//! ```
//! Blank lines and lines beginning with `#` are skipped. Nothing else is guessed.

use super::id::{Epoch, GroupId};
use super::passphrase::PassphraseError;
use super::random::{EpochKey, MAX_EPOCHS, RandomGroup};
use crate::content::ContentHasher;
use crate::secret::Secret;
use data_encoding::{BASE32_NOPAD, BASE32_NOPAD_NOCASE};
use zeroize::{Zeroize, Zeroizing};

/// Why a text is not a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseGroupError {
    /// No line says anything.
    #[error("the text holds no seed")]
    Empty,
    /// A line begins neither with `stt1` nor with `passphrase:`.
    #[error("a line is neither a seed nor a passphrase")]
    UnknownForm,
    /// A passphrase without the colon between realm and words.
    #[error("a passphrase needs the form passphrase:REALM:WORDS")]
    PassphraseForm,
    /// A passphrase beside other lines; a group has one door.
    #[error("a passphrase must stand alone")]
    PassphraseNotAlone,
    /// A seed line that is cut or has too much.
    #[error("a seed line of {actual} bytes, not {LINE_LEN}")]
    BadLength {
        /// Bytes of the line.
        actual: usize,
    },
    /// A seed line with a character outside base32.
    #[error("a seed line has a character outside base32")]
    BadCharacter,
    /// A seed line with a mistake in it.
    #[error("the checksum of a seed line is wrong")]
    BadChecksum,
    /// A seed line of a version this one does not know.
    #[error("a seed line of unknown version {version}")]
    UnknownVersion {
        /// The version it names.
        version: u8,
    },
    /// Epochs are numbered from 1.
    #[error("a seed line has epoch 0")]
    EpochZero,
    /// Lines of different groups; a node belongs to one.
    #[error("the seed lines belong to different groups")]
    MixedGroups,
    /// Two lines of the same epoch.
    #[error("epoch {epoch} is there twice")]
    DuplicateEpoch {
        /// The number they share.
        epoch: Epoch,
    },
    /// More than [`MAX_EPOCHS`] lines.
    #[error("a group holds at most {MAX_EPOCHS} epochs")]
    TooManyEpochs,
    /// The passphrase itself is not acceptable.
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
}

/// What a text says, before any costly derivation.
pub(super) enum Parsed<'a> {
    Random(RandomGroup),
    Passphrase { realm: &'a str, words: &'a str },
}

pub(super) fn parse(text: &str) -> Result<Parsed<'_>, ParseGroupError> {
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let first = lines.next().ok_or(ParseGroupError::Empty)?;
    if let Some(rest) = first.strip_prefix(PASSPHRASE) {
        let (realm, words) = rest
            .split_once(':')
            .ok_or(ParseGroupError::PassphraseForm)?;
        return match lines.next() {
            None => Ok(Parsed::Passphrase { realm, words }),
            Some(_) => Err(ParseGroupError::PassphraseNotAlone),
        };
    }
    let (id, newest) = parse_line(first)?;
    let mut group = RandomGroup::with_epoch(id, newest);
    for line in lines {
        let (id, entry) = parse_line(line)?;
        add(&mut group, id, entry)?;
    }
    Ok(Parsed::Random(group))
}

/// One line an epoch, oldest first, without a line break at the end.
pub(super) fn render(group: &RandomGroup) -> Zeroizing<String> {
    // Sized at once: a growing buffer would leave keys behind.
    let mut text = Zeroizing::new(String::with_capacity(group.len() * (LINE_LEN + 1)));
    for entry in group.iter().rev() {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(PREFIX);
        push_base32(&mut text, &*payload(group.id, entry));
    }
    text
}

fn add(group: &mut RandomGroup, id: GroupId, entry: EpochKey) -> Result<(), ParseGroupError> {
    if id != group.id {
        return Err(ParseGroupError::MixedGroups);
    }
    if group.find(entry.epoch()).is_some() {
        return Err(ParseGroupError::DuplicateEpoch {
            epoch: entry.epoch(),
        });
    }
    if group.len() == MAX_EPOCHS {
        return Err(ParseGroupError::TooManyEpochs);
    }
    group.insert(entry);
    Ok(())
}

fn parse_line(line: &str) -> Result<(GroupId, EpochKey), ParseGroupError> {
    if line.starts_with(PASSPHRASE) {
        return Err(ParseGroupError::PassphraseNotAlone);
    }
    let encoded = match line.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) => rest,
        _ => return Err(ParseGroupError::UnknownForm),
    };
    if line.len() != LINE_LEN {
        return Err(ParseGroupError::BadLength { actual: line.len() });
    }
    let mut payload = Zeroizing::new([0; PAYLOAD_LEN]);
    BASE32_NOPAD_NOCASE
        .decode_mut(encoded.as_bytes(), &mut *payload)
        .map_err(|_| ParseGroupError::BadCharacter)?;
    parse_payload(&payload)
}

fn parse_payload(payload: &[u8; PAYLOAD_LEN]) -> Result<(GroupId, EpochKey), ParseGroupError> {
    let (body, sum) = payload.split_at(CHECKSUM_AT);
    if checksum(body) != sum {
        return Err(ParseGroupError::BadChecksum);
    }
    if payload[0] != VERSION {
        return Err(ParseGroupError::UnknownVersion {
            version: payload[0],
        });
    }
    let id = GroupId::from_bytes(std::array::from_fn(|i| payload[ID_AT + i]));
    let epoch = Epoch(u16::from_be_bytes([
        payload[EPOCH_AT],
        payload[EPOCH_AT + 1],
    ]));
    if epoch.0 == 0 {
        return Err(ParseGroupError::EpochZero);
    }
    let mut key = Secret::zeroed();
    key.as_mut_bytes()
        .copy_from_slice(&payload[KEY_AT..CHECKSUM_AT]);
    Ok((id, EpochKey::new(id, epoch, key)))
}

fn payload(id: GroupId, entry: &EpochKey) -> Zeroizing<[u8; PAYLOAD_LEN]> {
    let mut payload = Zeroizing::new([0; PAYLOAD_LEN]);
    payload[0] = VERSION;
    payload[ID_AT..EPOCH_AT].copy_from_slice(id.as_bytes());
    payload[EPOCH_AT..KEY_AT].copy_from_slice(&entry.epoch().0.to_be_bytes());
    payload[KEY_AT..CHECKSUM_AT].copy_from_slice(entry.key.as_bytes());
    let sum = checksum(&payload[..CHECKSUM_AT]);
    payload[CHECKSUM_AT..].copy_from_slice(&sum);
    payload
}

fn push_base32(text: &mut String, bytes: &[u8]) {
    let mut encoded = Zeroizing::new(BASE32_NOPAD.encode(bytes));
    encoded.make_ascii_lowercase();
    text.push_str(&encoded);
}

/// Finds typing mistakes; keeps no secret and proves nothing.
fn checksum(body: &[u8]) -> [u8; CHECKSUM_LEN] {
    let mut hasher = ContentHasher::new();
    hasher.update(b"stc1 group text");
    hasher.update(body);
    let mut hash = hasher.finish();
    let sum = std::array::from_fn(|i| hash[i]);
    hash.zeroize();
    sum
}

const PREFIX: &str = "stt1";
const PASSPHRASE: &str = "passphrase:";
const VERSION: u8 = 1;
const ID_AT: usize = 1;
const EPOCH_AT: usize = 17;
const KEY_AT: usize = 19;
const CHECKSUM_AT: usize = 51;
const CHECKSUM_LEN: usize = 4;
/// 55 bytes are 88 characters of base32 without a bit to spare.
const PAYLOAD_LEN: usize = CHECKSUM_AT + CHECKSUM_LEN;
const LINE_LEN: usize = PREFIX.len() + PAYLOAD_LEN * 8 / 5;

#[cfg(test)]
mod tests {
    use super::*;

    /// A line whose checksum is right, whatever the fields say.
    fn line(version: u8, epoch: u16) -> String {
        let mut payload = [7; PAYLOAD_LEN];
        payload[0] = version;
        payload[EPOCH_AT..KEY_AT].copy_from_slice(&epoch.to_be_bytes());
        let sum = checksum(&payload[..CHECKSUM_AT]);
        payload[CHECKSUM_AT..].copy_from_slice(&sum);
        format!("{PREFIX}{}", BASE32_NOPAD.encode(&payload))
    }

    #[test]
    fn version_of_a_line_must_be_known() {
        assert!(parse(&line(VERSION, 1)).is_ok());
        let error = parse(&line(2, 1)).err();
        assert_eq!(error, Some(ParseGroupError::UnknownVersion { version: 2 }));
    }

    #[test]
    fn epochs_are_numbered_from_one() {
        assert_eq!(
            parse(&line(VERSION, 0)).err(),
            Some(ParseGroupError::EpochZero)
        );
        assert!(parse(&line(VERSION, u16::MAX)).is_ok());
    }
}
