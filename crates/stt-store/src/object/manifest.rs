//! The list of an object's blocks, itself a block. spec: STORE-3.
//!
//! ```text
//! "STTMANIF" 8 | version u8 = 1 | depth u8 | covered u64 | n u32 | names 32 n
//! ```

use super::{BLOCK_LEN, Name, block_count, name_of};

/// Names in a manifest.
pub(crate) const FAN_OUT: u64 = 32_000;

/// One manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// 0: the names are of blocks of the object; 1: of manifests.
    pub(crate) depth: u8,
    /// Bytes of the object that it covers.
    pub(crate) covered: u64,
    pub(crate) names: Vec<Name>,
}

impl Manifest {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_LEN + 32 * self.names.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&[VERSION, self.depth]);
        bytes.extend_from_slice(&self.covered.to_be_bytes());
        bytes.extend_from_slice(&(self.names.len() as u32).to_be_bytes());
        bytes.extend(self.names.iter().flatten());
        bytes
    }

    /// Reads the manifest that covers `covered` bytes; `None` if it is anything else.
    pub(crate) fn decode(bytes: &[u8], depth: u8, covered: u64) -> Option<Self> {
        let mut head = MAGIC.to_vec();
        head.extend_from_slice(&[VERSION, depth]);
        head.extend_from_slice(&covered.to_be_bytes());
        head.extend_from_slice(&name_count(depth, covered)?.to_be_bytes());
        let (names, rest) = bytes.strip_prefix(head.as_slice())?.as_chunks::<32>();
        let is_whole =
            rest.is_empty() && names.len() as u64 == u64::from(name_count(depth, covered)?);
        is_whole.then(|| Self {
            depth,
            covered,
            names: names.to_vec(),
        })
    }

    /// The depth of the topmost manifest of an object; `None` when one block is all it has.
    pub(crate) fn depth_of(length: u64) -> Option<u8> {
        match block_count(length) {
            0..=1 => None,
            2..=FAN_OUT => Some(0),
            _ => Some(1),
        }
    }
}

/// How many names cover so many bytes; `None` when no manifest does.
fn name_count(depth: u8, covered: u64) -> Option<u32> {
    let blocks = block_count(covered);
    let count = match depth {
        0 => blocks,
        1 => blocks.div_ceil(FAN_OUT),
        _ => return None,
    };
    (count <= FAN_OUT).then_some(count as u32)
}

/// Makes the manifests of an object while its blocks pass by.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    length: u64,
    names: Vec<Name>,
    pages: Vec<Name>,
}

impl Builder {
    /// Adds the next block; returns a manifest that it filled, to be stored as a block.
    pub(crate) fn push(&mut self, name: Name, len: usize) -> Option<Vec<u8>> {
        let page = (self.names.len() as u64 == FAN_OUT).then(|| self.page());
        self.length += len as u64;
        self.names.push(name);
        page
    }

    /// The root, and the manifests that are left to be stored.
    pub(crate) fn finish(mut self) -> (Name, Vec<Vec<u8>>) {
        if self.pages.is_empty()
            && let [only] = self.names.as_slice()
        {
            return (*only, Vec::new());
        }
        let last = self.page();
        if let [only] = self.pages.as_slice() {
            return (*only, vec![last]);
        }
        let top = Manifest {
            depth: 1,
            covered: self.length,
            names: self.pages,
        };
        let top = top.encode();
        (name_of(&top), vec![last, top])
    }

    fn page(&mut self) -> Vec<u8> {
        let before = self.pages.len() as u64 * FAN_OUT * BLOCK_LEN as u64;
        let page = Manifest {
            depth: 0,
            covered: self.length - before,
            names: std::mem::take(&mut self.names),
        };
        let page = page.encode();
        self.pages.push(name_of(&page));
        page
    }
}

const MAGIC: &[u8; 8] = b"STTMANIF";
const VERSION: u8 = 1;
const HEAD_LEN: usize = 22;

#[cfg(test)]
mod tests {
    use super::*;

    fn build(blocks: u64, last: usize) -> (Name, Vec<Vec<u8>>) {
        let mut builder = Builder::default();
        let mut pages = Vec::new();
        for number in 0..blocks {
            let len = if number + 1 == blocks {
                last
            } else {
                BLOCK_LEN
            };
            pages.extend(builder.push(name_of(&number.to_be_bytes()), len));
        }
        let (root, rest) = builder.finish();
        pages.extend(rest);
        (root, pages)
    }

    #[test]
    fn root_of_one_block_is_its_name() {
        assert_eq!(build(1, 0), (name_of(&0_u64.to_be_bytes()), vec![]));
    }

    #[test]
    fn object_of_up_to_32000_blocks_has_one_manifest() {
        for blocks in [2, FAN_OUT] {
            let (root, pages) = build(blocks, 5);
            let length = (blocks - 1) * BLOCK_LEN as u64 + 5;
            assert_eq!(pages.len(), 1);
            assert_eq!(root, name_of(&pages[0]));
            assert_eq!(Manifest::depth_of(length), Some(0));
            let manifest = Manifest::decode(&pages[0], 0, length).unwrap();
            assert_eq!(manifest.names.len() as u64, blocks);
            assert!(pages[0].len() <= BLOCK_LEN);
        }
    }

    #[test]
    fn longer_object_has_a_manifest_of_manifests() {
        let (root, pages) = build(2 * FAN_OUT + 1, 7);
        let length = 2 * FAN_OUT * BLOCK_LEN as u64 + 7;
        assert_eq!(pages.len(), 4);
        assert_eq!(root, name_of(&pages[3]));
        assert_eq!(Manifest::depth_of(length), Some(1));
        let top = Manifest::decode(&pages[3], 1, length).unwrap();
        let names: Vec<_> = pages[..3].iter().map(|page| name_of(page)).collect();
        assert_eq!(top.names, names);
        assert!(Manifest::decode(&pages[2], 0, 7).is_some());
    }

    #[test]
    fn manifest_that_disagrees_with_the_length_is_refused() {
        let (_, pages) = build(3, 5);
        let length = 2 * BLOCK_LEN as u64 + 5;
        assert!(Manifest::decode(&pages[0], 0, length).is_some());
        assert!(Manifest::decode(&pages[0], 0, length + 1).is_none());
        assert!(Manifest::decode(&pages[0], 1, length).is_none());
        assert!(Manifest::decode(&pages[0], 2, length).is_none());
        assert!(Manifest::decode(&pages[0][..pages[0].len() - 1], 0, length).is_none());
        assert!(Manifest::decode(&[&pages[0][..], &[0]].concat(), 0, length).is_none());
        assert!(Manifest::decode(&pages[0], 0, u64::MAX).is_none());
    }
}
