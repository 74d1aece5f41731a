//! The bytes that are fetched: in one file, and once more in pieces, for who fetches many small ones.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

/// Bytes of a piece.
pub(crate) const PIECE: u64 = 16 << 20;

/// The whole.
pub(crate) fn whole(directory: &Path) -> PathBuf {
    directory.join("whole")
}

/// The pieces, in order.
pub(crate) fn pieces(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory.join("pieces"))?;
    let paths = entries.map(|entry| Ok(entry?.path()));
    let mut paths: Vec<PathBuf> = paths.collect::<io::Result<_>>()?;
    paths.sort();
    Ok(paths)
}

/// Writes both.
pub(crate) fn make(directory: &Path, mib: u64) -> Result<()> {
    ensure!(mib > 0, "nothing to fetch");
    fs::create_dir_all(directory.join("pieces"))?;
    let mut state = 0x5EED;
    let mut file = BufWriter::with_capacity(1 << 20, File::create(whole(directory))?);
    for _ in 0..mib << 17 {
        file.write_all(&next(&mut state).to_le_bytes())?;
    }
    file.flush()?;
    let mut source = File::open(whole(directory))?;
    for number in 0..(mib << 20).div_ceil(PIECE) {
        let path = directory.join("pieces").join(format!("{number:06}"));
        io::copy(&mut (&mut source).take(PIECE), &mut File::create(path)?)?;
    }
    Ok(())
}

/// Has the machine give the memory now that a fetch is going to take, for its bytes in the page cache: a guest that touches memory
/// anew waits for its host, which may cost more than the copy into it, and hits whoever comes first.
pub(crate) fn warm(directory: &Path, mib: u64) -> Result<()> {
    let path = directory.join("warm");
    let mut file = File::create(&path)?;
    let block = vec![1; 1 << 20];
    for _ in 0..mib * 2 {
        file.write_all(&block)?;
    }
    Ok(fs::remove_file(path)?)
}

/// `splitmix64`: nothing that can be compressed, and the same every time.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// Compares what was fetched, in order, with what it should be.
pub(crate) struct Comparison {
    file: File,
    expected: Vec<u8>,
}

impl Comparison {
    pub(crate) fn begin(directory: &Path) -> Result<Self> {
        let file = File::open(whole(directory))?;
        let expected = Vec::new();
        Ok(Self { file, expected })
    }

    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<()> {
        self.expected.resize(bytes.len(), 0);
        self.file.read_exact(&mut self.expected)?;
        ensure!(self.expected == bytes, "other bytes came");
        Ok(())
    }

    pub(crate) fn end(mut self) -> Result<()> {
        let rest = self.file.read(&mut [0])?;
        ensure!(rest == 0, "not all bytes came");
        Ok(())
    }
}
