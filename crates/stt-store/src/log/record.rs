//! A record: a frame in the clear, a sealed note, a sealed body. spec: STORE-14.
//!
//! ```text
//! "STTr" 4 | body length u32 | check 4 | sealed note 162 | sealed body
//! ```

use stc::{Entropy, StcContext};

use super::header::SegmentHeader;
use super::note::{NOTE_LEN, Note};
use crate::object::BLOCK_LEN;

/// Bytes of a record before its body.
pub(crate) const HEAD_LEN: u32 = (FRAME_LEN + NOTE_LEN + StcContext::OVERHEAD) as u32;
/// Bytes of the longest body.
pub(crate) const MAX_BODY_LEN: u32 = (BLOCK_LEN + StcContext::OVERHEAD) as u32;

/// Where a record begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) segment: u64,
    pub(crate) offset: u32,
}

/// Frame and sealed note of a record.
pub(crate) fn seal_head(
    context: &StcContext,
    entropy: &mut dyn Entropy,
    header: &SegmentHeader,
    (offset, body): (u32, u32),
    note: &Note,
) -> Vec<u8> {
    let mut head = Vec::with_capacity(HEAD_LEN as usize);
    head.extend_from_slice(&frame(offset, body));
    let place = note_place(header, offset, body);
    context.seal_into(entropy, &place, &note.encode(), &mut head);
    head
}

/// The note in the head of a record; `None` if it is not authentic in this place.
pub(crate) fn open_head(
    context: &StcContext,
    header: &SegmentHeader,
    (offset, body): (u32, u32),
    head: &[u8],
) -> Option<Note> {
    let place = note_place(header, offset, body);
    let note = context.open(&place, head.get(FRAME_LEN..)?).ok()?;
    Note::decode(&note).filter(|note| note.kind.has_body() == (body > 0))
}

/// What makes the beginning of a record visible to a scan.
pub(crate) fn frame(offset: u32, body: u32) -> [u8; FRAME_LEN] {
    let mut frame = [0; FRAME_LEN];
    frame[..4].copy_from_slice(MAGIC);
    frame[4..8].copy_from_slice(&body.to_be_bytes());
    let check = check(&frame, offset);
    frame[8..].copy_from_slice(&check);
    frame
}

/// The length of the body, if `head` begins with the frame of a record at `offset`.
pub(crate) fn parse_frame(head: &[u8], offset: u32) -> Option<u32> {
    let found = head.first_chunk::<FRAME_LEN>()?;
    let body = u32::from_be_bytes([found[4], found[5], found[6], found[7]]);
    let is_length = body == 0 || (StcContext::OVERHEAD as u32..=MAX_BODY_LEN).contains(&body);
    (found.starts_with(MAGIC) && is_length && *found == frame(offset, body)).then_some(body)
}

fn check(frame: &[u8; FRAME_LEN], offset: u32) -> [u8; 4] {
    let mut hasher = stc::ContentHasher::new();
    hasher.update(b"stt record");
    hasher.update(&frame[..8]);
    hasher.update(&u64::from(offset).to_be_bytes());
    let hash = hasher.finish();
    std::array::from_fn(|i| hash[i])
}

fn note_place(header: &SegmentHeader, offset: u32, body: u32) -> [u8; 36] {
    let mut place = [0; 36];
    place[..16].copy_from_slice(&header.id);
    place[16..24].copy_from_slice(&header.number.to_be_bytes());
    place[24..32].copy_from_slice(&u64::from(offset).to_be_bytes());
    place[32..].copy_from_slice(&body.to_be_bytes());
    place
}

/// What a record begins with.
pub(super) const MAGIC: &[u8; 4] = b"STTr";
const FRAME_LEN: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_is_bound_to_its_place_and_length() {
        assert_eq!(HEAD_LEN, 174);
        assert_eq!(parse_frame(&frame(128, 49), 128), Some(49));
        assert_eq!(parse_frame(&frame(128, 49), 129), None);
        assert_eq!(parse_frame(&frame(128, 48), 128), None);
        assert_eq!(parse_frame(&frame(128, MAX_BODY_LEN + 1), 128), None);
        for place in 0..FRAME_LEN {
            let mut bad = frame(128, 49);
            bad[place] ^= 1;
            assert_eq!(parse_frame(&bad, 128), None);
        }
    }
}
