//! What all frames have in common: a type, a length, a payload.
//!
//! | offset | size    | field   | meaning                                   |
//! |--------|---------|---------|-------------------------------------------|
//! | 0      | 1       | type    | [`FrameType`]; 0x00 is illegal            |
//! | 1      | 1,2,4,8 | length  | bytes of the payload, minimal [`VarInt`]  |
//! | 2..9   | length  | payload | by type                                   |
//!
//! *spec:* WIRE-1 to WIRE-5.

mod decoder;
mod frame_type;
mod header;

use bytes::{Bytes, BytesMut};

pub use decoder::FrameDecoder;
pub use frame_type::FrameType;
pub(crate) use header::encode_number;
pub use header::{FrameHeader, encode_header};

/// A frame whose payload has not been looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawFrame {
    /// What the payload is.
    pub frame_type: FrameType,
    /// The bytes after the header. They share the memory of the chunk they came in.
    pub payload: Bytes,
}

/// Appends a whole frame. The caller keeps to the limit of the stream it is for.
#[inline]
pub fn encode_frame(frame_type: FrameType, payload: &[u8], out: &mut BytesMut) {
    out.reserve(crate::limits::MAX_HEADER_LEN + payload.len());
    encode_header(frame_type, payload.len(), out);
    out.extend_from_slice(payload);
}
