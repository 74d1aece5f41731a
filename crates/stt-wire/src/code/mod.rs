//! The numbers with which a session or a stream ends.
//!
//! | code                       | meaning                                  |
//! |----------------------------|------------------------------------------|
//! | 0x00-0xFF                  | STT's, by registry                       |
//! | 0x1_0000_0000-0x1_FFFF_FFFF | the application's `u32`, plus 2^32       |
//! | all others                 | unknown; taken as an abort with no reason |
//!
//! *spec:* WIRE-80 to WIRE-84, `spec/registry/close-codes.toml`.

mod close;
mod stream;

pub use close::{CloseCode, RegisteredClose};
pub use stream::{RegisteredStreamCode, StreamCode};

/// What an application's code of 0 is on the wire.
const APPLICATION: u64 = 1 << 32;

/// The application's code in a number from the wire, if it is one.
fn application_code(number: u64) -> Option<u32> {
    number
        .checked_sub(APPLICATION)
        .and_then(|code| u32::try_from(code).ok())
}
