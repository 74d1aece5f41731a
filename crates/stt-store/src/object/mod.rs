//! What an object is: its address, its blocks, its manifest, and the reference to all of it.
//!
//! Pure: nothing here knows of files. spec: STORE-1 to STORE-4.

mod address;
mod manifest;
mod outline;
mod part;
mod reference;

pub(crate) use address::parse_hex;
pub use address::{Address, ParseAddressError};
pub(crate) use manifest::{Builder, FAN_OUT, Manifest};
pub(crate) use outline::Outline;
pub use part::ObjectPart;
pub use reference::{ParseReferenceError, Reference};

/// The name of a block: BLAKE3 of its plaintext.
pub(crate) type Name = [u8; 32];

/// Bytes of every block but the last of an object.
pub(crate) const BLOCK_LEN: usize = 1 << 20;

/// The name of `block`.
pub(crate) fn name_of(block: &[u8]) -> Name {
    *blake3::hash(block).as_bytes()
}

/// How many blocks an object of `length` bytes has; at least one.
pub(crate) fn block_count(length: u64) -> u64 {
    length.div_ceil(BLOCK_LEN as u64).max(1)
}

/// Bytes of block `number` of an object of `length` bytes.
pub(crate) fn block_len(length: u64, number: u64) -> usize {
    let before = number.saturating_mul(BLOCK_LEN as u64);
    length.saturating_sub(before).min(BLOCK_LEN as u64) as usize
}
