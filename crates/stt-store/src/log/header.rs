//! The header of a segment, written twice so that one flipped byte costs nothing. spec: STORE-13.

use crate::keys::KeysError;

/// Bytes before the first record.
pub(crate) const HEADER_LEN: u32 = 128;

/// What a segment says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) number: u64,
    pub(crate) generation: u32,
    pub(crate) id: [u8; 16],
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; HEADER_LEN as usize] {
        let mut copy = [0; COPY_LEN];
        copy[..8].copy_from_slice(MAGIC);
        copy[8..10].copy_from_slice(&VERSION.to_be_bytes());
        copy[10..18].copy_from_slice(&self.number.to_be_bytes());
        copy[18..22].copy_from_slice(&self.generation.to_be_bytes());
        copy[22..38].copy_from_slice(&self.id);
        let check = check(&copy);
        copy[CHECK_AT..].copy_from_slice(&check);
        std::array::from_fn(|i| copy[i % COPY_LEN])
    }

    /// Reads either copy.
    pub(crate) fn decode(bytes: &[u8; HEADER_LEN as usize]) -> Result<Self, KeysError> {
        let (copies, _) = bytes.as_chunks::<COPY_LEN>();
        let mut result = Err(KeysError::Damaged);
        for copy in copies {
            result = match (result, decode(copy)) {
                // A later version is told from damage as long as one copy says so.
                (Err(error @ KeysError::FutureVersion { .. }), Err(KeysError::Damaged)) => {
                    Err(error)
                }
                (Err(_), other) => other,
                (found, _) => found,
            };
        }
        result
    }

    /// Whether both copies are well.
    pub(crate) fn is_intact(&self, bytes: &[u8; HEADER_LEN as usize]) -> bool {
        self.encode() == *bytes
    }
}

fn decode(copy: &[u8; COPY_LEN]) -> Result<SegmentHeader, KeysError> {
    if copy[..8] != *MAGIC || copy[CHECK_AT..] != check(copy) {
        return Err(KeysError::Damaged);
    }
    let found = u16::from_be_bytes([copy[8], copy[9]]);
    if found != VERSION {
        return Err(KeysError::FutureVersion { found });
    }
    Ok(SegmentHeader {
        number: u64::from_be_bytes(std::array::from_fn(|i| copy[10 + i])),
        generation: u32::from_be_bytes(std::array::from_fn(|i| copy[18 + i])),
        id: std::array::from_fn(|i| copy[22 + i]),
    })
}

fn check(copy: &[u8; COPY_LEN]) -> [u8; COPY_LEN - CHECK_AT] {
    let hash = stc::content_address(&copy[..CHECK_AT]);
    std::array::from_fn(|i| hash[i])
}

const MAGIC: &[u8; 8] = b"STTSEGMT";
const VERSION: u16 = 1;
const COPY_LEN: usize = 64;
const CHECK_AT: usize = 56;

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> SegmentHeader {
        SegmentHeader {
            number: 0x0102_0304_0506_0708,
            generation: 9,
            id: [7; 16],
        }
    }

    #[test]
    fn header_survives_any_one_flipped_byte() {
        let bytes = header().encode();
        assert!(header().is_intact(&bytes));
        for place in 0..bytes.len() {
            let mut bad = bytes;
            bad[place] ^= 0x40;
            assert_eq!(SegmentHeader::decode(&bad), Ok(header()));
            assert!(!header().is_intact(&bad));
        }
    }

    #[test]
    fn future_version_of_a_header_is_told_from_damage_by_either_copy() {
        let mut future = header().encode();
        for at in [0, COPY_LEN] {
            future[at + 9] = 2;
            let check = check(future[at..at + COPY_LEN].try_into().unwrap());
            future[at + CHECK_AT..at + COPY_LEN].copy_from_slice(&check);
        }
        let refused = Err(KeysError::FutureVersion { found: 2 });
        assert_eq!(SegmentHeader::decode(&future), refused);
        for damaged in [30, COPY_LEN + 30] {
            let mut bytes = future;
            bytes[damaged] ^= 1;
            assert_eq!(SegmentHeader::decode(&bytes), refused);
        }
    }

    #[test]
    fn header_with_both_copies_damaged_is_refused() {
        let mut bytes = header().encode();
        bytes[20] ^= 1;
        bytes[100] ^= 1;
        assert_eq!(SegmentHeader::decode(&bytes), Err(KeysError::Damaged));
    }
}
