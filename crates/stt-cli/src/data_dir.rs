//! What a node keeps between runs: today its identity, in the file `node.seed`.
//!
//! ```text
//! sttnode1<72 hexadecimal digits>     of: seed 32 bytes | checksum 4 bytes
//! ```
//!
//! *Invariant*: two processes that start at once with an empty directory end up with one identity.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use data_encoding::HEXLOWER;
use serde_json::json;
use stt::{Entropy, NodeSeed, SystemEntropy, stc::content_address};
use zeroize::{Zeroize, Zeroizing};

use crate::{exit::Failure, pages, private_file, status::Status};

/// `stt id`.
pub(crate) fn id(data_dir: Option<&Path>, status: Status) -> Result<(), Failure> {
    let Some(data_dir) = data_dir else {
        return Err(Failure::usage(
            "an identity needs a place: --data-dir DIR or STT_DATA_DIR",
        ));
    };
    let seed = node_seed(data_dir, status)?;
    let id = seed.identity().node_id().to_string();
    match status {
        Status::Human => pages::print(&format!("{id}\n")),
        Status::Json => pages::print_json(&json!({"node": id})),
    }
}

/// The identity kept in `data_dir`; a new one if there is none yet.
pub(crate) fn node_seed(data_dir: &Path, status: Status) -> Result<NodeSeed, Failure> {
    let path = file_in(data_dir);
    if fs::symlink_metadata(&path).is_err() {
        create(data_dir, &path, status)?;
    }
    parse_file(&private_file::read(&path)?, &path)
}

/// Where the identity of a node is kept.
pub(crate) fn file_in(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE)
}

/// The identity kept in `data_dir`; none is made.
pub(crate) fn kept_node_seed(data_dir: &Path) -> Result<NodeSeed, Failure> {
    let path = file_in(data_dir);
    parse_file(&private_file::read(&path)?, &path)
}

/// The identity in the text of a file, if it is the file of one.
pub(crate) fn node_seed_in(text: &str, path: &Path) -> Option<Result<NodeSeed, Failure>> {
    let is_one = text.trim_start().starts_with(PREFIX);
    is_one.then(|| parse_file(text, path))
}

fn parse_file(text: &str, path: &Path) -> Result<NodeSeed, Failure> {
    parse(text).ok_or_else(|| Failure::usage(format!("{} holds no node seed", path.display())))
}

/// The identity that a command asks for: the one kept, or a fresh one.
pub(crate) fn node_seed_or_fresh(
    data_dir: Option<&Path>,
    status: Status,
) -> Result<NodeSeed, Failure> {
    match data_dir {
        Some(data_dir) => node_seed(data_dir, status),
        None => Ok(NodeSeed::generate(&mut SystemEntropy)),
    }
}

fn create(data_dir: &Path, path: &Path, status: Status) -> Result<(), Failure> {
    let cannot = |error: io::Error| {
        Failure::other(format!(
            "cannot keep an identity in {}: {error}",
            data_dir.display()
        ))
    };
    make_folder(data_dir).map_err(cannot)?;
    let mut seed = Zeroizing::new([0; SEED_LEN]);
    SystemEntropy.fill(&mut *seed);
    match private_file::create(path, &render(&seed)) {
        Ok(()) => {
            status.note(format_args!("new identity in {}", path.display()));
            Ok(())
        }
        // Another process was faster; its seed counts.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(cannot(error)),
    }
}

#[cfg(unix)]
fn make_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

#[cfg(not(unix))]
fn make_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

fn render(seed: &[u8; SEED_LEN]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(TEXT_LEN + 1));
    text.push_str(PREFIX);
    HEXLOWER.encode_append(seed, &mut text);
    HEXLOWER.encode_append(&checksum(seed), &mut text);
    text.push('\n');
    text
}

fn parse(text: &str) -> Option<NodeSeed> {
    let digits = text.trim().strip_prefix(PREFIX)?;
    let mut bytes = Zeroizing::new([0; SEED_LEN + CHECKSUM_LEN]);
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    HEXLOWER.decode_mut(digits.as_bytes(), &mut *bytes).ok()?;
    let mut seed = *bytes.first_chunk::<SEED_LEN>()?;
    let whole = checksum(&seed) == bytes[SEED_LEN..];
    let parsed = whole.then(|| NodeSeed::from_bytes(seed));
    seed.zeroize();
    parsed
}

/// Finds a damaged file, which would otherwise be somebody else.
fn checksum(seed: &[u8; SEED_LEN]) -> [u8; CHECKSUM_LEN] {
    let mut hash = content_address(&Zeroizing::new([b"stt node seed" as &[u8], seed].concat()));
    let sum = std::array::from_fn(|i| hash[i]);
    hash.zeroize();
    sum
}

const FILE: &str = "node.seed";
const PREFIX: &str = "sttnode1";
const SEED_LEN: usize = 32;
const CHECKSUM_LEN: usize = 4;
const TEXT_LEN: usize = PREFIX.len() + 2 * (SEED_LEN + CHECKSUM_LEN);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_comes_back_from_its_text() {
        let text = render(&[7; SEED_LEN]);
        let seed = parse(&text).unwrap();
        assert_eq!(seed.as_bytes(), &[7; SEED_LEN]);
        assert_eq!(text.len(), TEXT_LEN + 1);
    }

    #[test]
    fn a_damaged_text_is_nobody() {
        let text = render(&[7; SEED_LEN]);
        for place in 0..TEXT_LEN {
            let mut damaged = text.as_bytes().to_vec();
            damaged[place] = if damaged[place] == b'1' { b'2' } else { b'1' };
            assert!(
                parse(std::str::from_utf8(&damaged).unwrap()).is_none(),
                "{place}"
            );
        }
        assert!(parse("").is_none());
        assert!(parse(&text[..TEXT_LEN - 1]).is_none());
    }
}
