//! Doors for fuzzers: every decoder of bytes from the medium. Not part of the API.

use crate::keys::KeysFile;
use crate::log::{HEADER_LEN, Note, SegmentHeader, parse_frame};
use crate::object::Manifest;

/// Decodes a keys file and writes it again.
pub fn keys(bytes: &[u8]) -> Option<Vec<u8>> {
    KeysFile::decode(bytes).ok().map(|file| file.encode())
}

/// Decodes the header of a segment and writes it again.
pub fn header(bytes: &[u8]) -> Option<Vec<u8>> {
    let bytes: &[u8; HEADER_LEN as usize] = bytes.try_into().ok()?;
    let header = SegmentHeader::decode(bytes).ok()?;
    Some(header.encode().to_vec())
}

/// Decodes the frame of a record at `offset`: the length of its body.
pub fn frame(bytes: &[u8], offset: u32) -> Option<u32> {
    parse_frame(bytes, offset)
}

/// Decodes a note and writes it again.
pub fn note(bytes: &[u8]) -> Option<Vec<u8>> {
    Note::decode(bytes).map(|note| note.encode().to_vec())
}

/// Decodes a manifest and writes it again.
pub fn manifest(bytes: &[u8], depth: u8, covered: u64) -> Option<Vec<u8>> {
    Manifest::decode(bytes, depth, covered).map(|manifest| manifest.encode())
}
