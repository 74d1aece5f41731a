//! Bytes that hold on to themselves alone.

use bytes::Bytes;

/// A small slice may hold on to a whole batch of packets; a copy holds on to itself. So what waits
/// for the application takes the memory that it is counted for.
pub(crate) fn detach(payload: &Bytes) -> Bytes {
    if payload.len() < COPY_BELOW {
        Bytes::copy_from_slice(payload)
    } else {
        payload.clone()
    }
}

const COPY_BELOW: usize = 32 * 1_024;
