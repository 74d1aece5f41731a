//! Sealed bytes: any input is refused or opened, and what was sealed opens only unchanged.
//!
//! Input: sealed bytes, and at once a plaintext.

use stc::{Entropy, StcContext};

/// Opens the input; then seals it, opens that, and opens it with one bit changed.
pub fn body(data: &[u8]) {
    let context = StcContext::from_seed(&[7; 32], "fuzz");
    if let Ok(plaintext) = context.open(b"", data) {
        assert_eq!(plaintext.len() + StcContext::OVERHEAD, data.len());
    }
    let mut sealed = context.seal(&mut Zeros, b"", data);
    assert_eq!(context.open(b"", &sealed).as_deref(), Ok(data));
    assert!(context.open(b"other", &sealed).is_err());
    let choice = data.iter().fold(0_usize, |sum, byte| {
        sum.wrapping_mul(31) + usize::from(*byte)
    });
    let at = choice % sealed.len();
    sealed[at] ^= 1 << (choice / sealed.len() % 8);
    assert!(
        context.open(b"", &sealed).is_err(),
        "a changed bit was taken"
    );
}

/// The same salt each time: a body must do the same in each run.
struct Zeros;

impl Entropy for Zeros {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(0);
    }
}
