//! What the opener of a stream says first: which of the serving side's targets it wants.
//!
//! ```text
//! "STTF" | version 1: u8 | length of the name: u8, 0 to 64 | name
//! ```
//!
//! No name asks for the target that has none. All that follows, in both directions, is the
//! connection's bytes. A name is never an address: what can be reached is decided where it is served.
//!
//! How a connection ends:
//!
//! | on the socket | on the stream |
//! |---|---|
//! | end of one direction (FIN) | finish of that direction |
//! | reset (RST), or any failure | reset and stop of both directions, with a code: [`Why`] |
//! | the same after the end that was sent | stop with [`Why::NoMore`]; what was finished stays whole |

use stt::{ReadError, RecvStream};

use crate::args::ServiceName;

/// The bytes that ask for a target.
pub(super) fn encode(name: Option<&ServiceName>) -> Vec<u8> {
    let name = name.map_or("", ServiceName::as_str).as_bytes();
    let mut bytes = Vec::with_capacity(FIXED_LEN + name.len());
    bytes.extend(MAGIC);
    bytes.push(VERSION);
    // A name has 64 bytes at most.
    bytes.push(name.len() as u8);
    bytes.extend(name);
    bytes
}

/// Reads which target a stream asks for, and nothing beyond.
pub(super) async fn read(recv: &mut RecvStream) -> Result<Option<ServiceName>, NoRequest> {
    let mut bytes = [0; FIXED_LEN + MAX_NAME_LEN];
    let (fixed, rest) = bytes.split_at_mut(FIXED_LEN);
    fill(recv, fixed).await?;
    let len = name_len(fixed).ok_or(NoRequest::Malformed)?;
    let name = rest.get_mut(..len).ok_or(NoRequest::Malformed)?;
    fill(recv, name).await?;
    decode_name(name)
}

/// Why there is no request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoRequest {
    /// The peer means something else.
    Malformed,
    /// The stream ended before it.
    Gone(ReadError),
}

async fn fill(recv: &mut RecvStream, mut room: &mut [u8]) -> Result<(), NoRequest> {
    while !room.is_empty() {
        match recv.read(room).await.map_err(NoRequest::Gone)? {
            0 => return Err(NoRequest::Malformed),
            len => room = &mut room[len..],
        }
    }
    Ok(())
}

/// How long the name is, if the bytes before it are right.
fn name_len(fixed: &[u8]) -> Option<usize> {
    let [rest @ .., version, len] = fixed else {
        return None;
    };
    let is_right = rest == MAGIC && *version == VERSION;
    let len = usize::from(*len);
    (is_right && len <= MAX_NAME_LEN).then_some(len)
}

/// No name at all is fine, but whatever is no name is not.
fn decode_name(name: &[u8]) -> Result<Option<ServiceName>, NoRequest> {
    if name.is_empty() {
        return Ok(None);
    }
    let text = std::str::from_utf8(name).map_err(|_| NoRequest::Malformed)?;
    let parsed = text.parse().map_err(|_| NoRequest::Malformed)?;
    Ok(Some(parsed))
}

/// Why one side cut a connection, as a code of its streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// The socket there was reset, or failed.
    Reset = 1,
    /// The target refused, or did not answer in time.
    Unreachable = 2,
    /// No target of that name is served.
    NoService = 3,
    /// This peer has as many connections as it may.
    TooMany = 4,
    /// The stream did not say what it wants, or not in time.
    BadRequest = 5,
    /// The command there ends.
    Ending = 6,
    /// The socket there takes no more. What came from it is whole.
    NoMore = 7,
}

impl Why {
    const ALL: [Self; 7] = [
        Self::Reset,
        Self::Unreachable,
        Self::NoService,
        Self::TooMany,
        Self::BadRequest,
        Self::Ending,
        Self::NoMore,
    ];

    pub(super) fn code(self) -> u32 {
        self as u32
    }

    /// What a peer's code means.
    pub(super) fn of(code: Option<u32>) -> Option<Self> {
        Self::ALL.into_iter().find(|why| Some(why.code()) == code)
    }
}

const MAGIC: &[u8] = b"STTF";
const VERSION: u8 = 1;
const FIXED_LEN: usize = 6;
const MAX_NAME_LEN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Result<Option<ServiceName>, NoRequest> {
        let (fixed, name) = bytes.split_at(FIXED_LEN);
        let len = name_len(fixed).ok_or(NoRequest::Malformed)?;
        decode_name(&name[..len])
    }

    #[test]
    fn a_request_comes_back_as_it_was_made() {
        let longest = "x".repeat(MAX_NAME_LEN);
        for name in ["ssh", "a.b-c_9", &longest] {
            let name: ServiceName = name.parse().unwrap();
            assert_eq!(decode(&encode(Some(&name))), Ok(Some(name)));
        }
        assert_eq!(decode(&encode(None)), Ok(None));
        assert_eq!(encode(None), b"STTF\x01\x00");
    }

    #[test]
    fn every_version_and_length_but_the_right_ones_is_refused() {
        for version in 0..=u8::MAX {
            for len in 0..=u8::MAX {
                let is_right = version == 1 && len <= 64;
                let fixed = [b'S', b'T', b'T', b'F', version, len];
                assert_eq!(name_len(&fixed).is_some(), is_right, "{version} {len}");
            }
        }
        assert_eq!(name_len(b"sttf\x01\x00"), None);
        assert_eq!(name_len(b""), None);
    }

    #[test]
    fn every_byte_that_is_not_of_a_name_is_refused() {
        for byte in 0..=u8::MAX {
            let is_fit = byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            assert_eq!(decode_name(&[b'a', byte]).is_ok(), is_fit, "{byte}");
        }
    }

    #[test]
    fn every_code_comes_back_and_no_other_means_anything() {
        for why in Why::ALL {
            assert_eq!(Why::of(Some(why.code())), Some(why));
        }
        assert_eq!(
            (Why::of(None), Why::of(Some(0)), Why::of(Some(8))),
            (None, None, None)
        );
    }
}
