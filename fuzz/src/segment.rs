//! Segments: any input is refused or opened, and what was sealed opens only unchanged.
//!
//! Input: claimed sequence u64, then a segment, and at once data to seal.

use stc::segment::{Body, Extent, HEADER_LEN, Mark, OVERHEAD, Opener, Sealer};
use stc::{Entropy, StcContext, Suite};

/// Opens the input; then seals it, opens that, and opens it with one bit changed.
pub fn body(data: &[u8]) {
    let Some((claimed, data)) = data.split_first_chunk() else {
        return;
    };
    // That of the vectors, so that the corpus has segments that open.
    let context = StcContext::from_seed(&std::array::from_fn(|i| 17 + i as u8), "example");
    let mut opener = Opener::new(&context);
    let claimed = u64::from_be_bytes(*claimed);
    match open(&mut opener, data, claimed) {
        Some(Body::Data { offset }) => assert!(offset <= data.len() - OVERHEAD),
        Some(Body::Signature(signature)) => assert!(signature.digests().len() <= 64),
        None => assert_eq!(opener.stream_id(), None, "a refused segment left a trace"),
    }
    let mut segment = vec![0; data.len() + OVERHEAD];
    let mut sealer = Sealer::new(&context, Suite::Aes256Gcm, Extent::Live, &mut Zeros);
    if sealer.seal_from(Mark::More, data, &mut segment).is_err() {
        return;
    }
    assert!(open(&mut Opener::new(&context), &segment, 1).is_none());
    assert!(open(&mut Opener::new(&context), &segment, 0).is_some());
    let choice = data.iter().fold(HEADER_LEN, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(usize::from(*byte))
    });
    let at = choice % segment.len();
    segment[at] ^= 1 << (choice / segment.len() % 8);
    assert!(
        open(&mut Opener::new(&context), &segment, 0).is_none(),
        "a changed bit was taken"
    );
}

fn open(opener: &mut Opener, segment: &[u8], sequence: u64) -> Option<Body> {
    let mut body = vec![0; Opener::body_len(segment.len())?];
    let opened = opener.open(segment, sequence, &mut body).ok()?;
    assert_eq!(opened.header.sequence(), sequence);
    Some(opened.body)
}

/// The same stream id each time: a body must do the same in each run.
struct Zeros;

impl Entropy for Zeros {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(0);
    }
}
