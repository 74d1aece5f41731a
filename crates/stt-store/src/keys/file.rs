//! The bytes of a keys file. spec: STORE-9.
//!
//! ```text
//! "STTSTORE" 8 | version u16 | serial u64 | store id 16 | generation u32
//! | s u8 | slots 81 s | r u16 | ring r | check 8
//! ```

/// Bytes of a slot.
pub(crate) const SLOT_LEN: usize = 32 + stc::StcContext::OVERHEAD;
/// The most slots a store has.
pub(crate) const MAX_SLOTS: usize = 32;
/// The most older generations a ring has.
pub(crate) const MAX_RING: usize = 512;
/// The latest format of keys and segments that is understood.
pub(crate) const VERSION: u16 = 1;

/// A keys file as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeysFile {
    pub(crate) serial: u64,
    pub(crate) store: [u8; 16],
    pub(crate) generation: u32,
    pub(crate) slots: Vec<[u8; SLOT_LEN]>,
    pub(crate) ring: Vec<u8>,
}

/// Why bytes are no keys file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeysError {
    FutureVersion { found: u16 },
    Damaged,
}

impl KeysFile {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&self.serial.to_be_bytes());
        bytes.extend_from_slice(&self.store);
        bytes.extend_from_slice(&self.generation.to_be_bytes());
        bytes.push(self.slots.len() as u8);
        bytes.extend(self.slots.iter().flatten());
        bytes.extend_from_slice(&(self.ring.len() as u16).to_be_bytes());
        bytes.extend_from_slice(&self.ring);
        let check = check(&bytes);
        bytes.extend_from_slice(&check);
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, KeysError> {
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(KeysError::Damaged)?;
        let found = u16::from_be_bytes(take(&mut rest)?);
        if found > VERSION && is_checked(bytes) {
            return Err(KeysError::FutureVersion { found });
        }
        if found != VERSION || !is_checked(bytes) {
            return Err(KeysError::Damaged);
        }
        let serial = u64::from_be_bytes(take(&mut rest)?);
        let store = take(&mut rest)?;
        let generation = u32::from_be_bytes(take(&mut rest)?);
        let [count] = take(&mut rest)?;
        if !(1..=MAX_SLOTS).contains(&count.into()) {
            return Err(KeysError::Damaged);
        }
        let slots: Result<_, _> = (0..count).map(|_| take(&mut rest)).collect();
        let slots = slots?;
        let ring_len = usize::from(u16::from_be_bytes(take(&mut rest)?));
        let ring = rest.get(..ring_len).ok_or(KeysError::Damaged)?.to_vec();
        if rest.len() != ring_len + CHECK_LEN {
            return Err(KeysError::Damaged);
        }
        Ok(Self {
            serial,
            store,
            generation,
            slots,
            ring,
        })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], KeysError> {
    let (head, tail) = rest.split_first_chunk().ok_or(KeysError::Damaged)?;
    *rest = tail;
    Ok(*head)
}

fn is_checked(bytes: &[u8]) -> bool {
    bytes
        .split_last_chunk::<CHECK_LEN>()
        .is_some_and(|(before, found)| *found == check(before))
}

fn check(bytes: &[u8]) -> [u8; CHECK_LEN] {
    let hash = stc::content_address(bytes);
    std::array::from_fn(|i| hash[i])
}

const MAGIC: &[u8] = b"STTSTORE";
const CHECK_LEN: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> KeysFile {
        KeysFile {
            serial: 7,
            store: [3; 16],
            generation: 2,
            slots: vec![[1; SLOT_LEN], [2; SLOT_LEN]],
            ring: vec![9; 85],
        }
    }

    #[test]
    fn keys_file_reads_as_it_was_written() {
        assert_eq!(KeysFile::decode(&file().encode()), Ok(file()));
    }

    #[test]
    fn every_changed_or_missing_byte_of_a_keys_file_is_noticed() {
        let bytes = file().encode();
        for place in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[place] ^= 4;
            assert_eq!(KeysFile::decode(&bad), Err(KeysError::Damaged));
            assert_eq!(KeysFile::decode(&bytes[..place]), Err(KeysError::Damaged));
        }
    }

    #[test]
    fn future_version_of_a_keys_file_is_told_from_damage() {
        let mut bytes = file().encode();
        bytes[9] = 2;
        let end = bytes.len() - CHECK_LEN;
        let check = check(&bytes[..end]);
        bytes[end..].copy_from_slice(&check);
        assert_eq!(
            KeysFile::decode(&bytes),
            Err(KeysError::FutureVersion { found: 2 })
        );
    }
}
