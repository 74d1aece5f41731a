//! Names: what is taken has one encoding, and what is refused is left where it is.
//!
//! Input: a name, and bytes after it.

use bytes::{Bytes, BytesMut};
use stt_wire::Name;

/// Takes a name and encodes it again.
pub fn body(data: &[u8]) {
    let mut input = Bytes::copy_from_slice(data);
    let Ok(name) = Name::take(&mut input) else {
        assert_eq!(input, data);
        return;
    };
    let mut out = BytesMut::new();
    name.encode(&mut out);
    assert_eq!(out.len(), name.encoded_len());
    assert_eq!(Name::try_from(name.as_str()), Ok(name));
    out.extend_from_slice(&input);
    assert_eq!(out, data);
}
