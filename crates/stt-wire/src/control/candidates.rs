//! CANDIDATES (0x40): where the sender can be reached, all of it.
//!
//! | size | field       | meaning                                                          |
//! |------|-------------|------------------------------------------------------------------|
//! | 1    | `mapping`   | 0 not known, 1 one outside address for all, 2 one for each peer  |
//! | ..   | `candidate` | up to 32, to the end of the frame: kind (1), length (1), content |
//!
//! | kind | candidate              | content                              |
//! |------|------------------------|--------------------------------------|
//! | 0    | UDP, on an interface   | IPv4 (4) or IPv6 (16), then port (2) |
//! | 1    | UDP, as others see it  | the same                             |
//! | 2    | WebSocket              | URL, UTF-8                           |
//! | else | skipped                | anything                             |
//!
//! Each frame replaces what was said before, and asks the peer to look now whether it gets through.
//!
//! *spec:* WIRE-130 to WIRE-134.

use std::net::{IpAddr, SocketAddr};

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::fields::Fields;
use crate::limits::MAX_CANDIDATES;
use crate::{DecodeError, FrameType, Name, encode_header};

/// Where the sender can be reached. At most [`MAX_CANDIDATES`] are sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Candidates {
    /// How the sender's network translates its address.
    pub mapping: Mapping,
    /// The places, best first.
    pub places: Vec<Candidate>,
}

/// How a network translates addresses (RFC 4787 section 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "numbers beyond mean that it is not known"
)]
pub enum Mapping {
    /// Not known, or not known yet.
    #[default]
    Unknown,
    /// Everybody sees the same outside address.
    Independent,
    /// Each peer sees another outside address.
    Dependent,
}

/// A place to reach a node at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Candidate {
    /// UDP to an interface of the node's.
    Interface(SocketAddr),
    /// UDP to an address that others see the node at.
    Outside(SocketAddr),
    /// A WebSocket listener, by its URL.
    WebSocket(Name),
}

impl Candidates {
    /// Appends the frame.
    pub fn encode(&self, out: &mut BytesMut) {
        let mut payload = BytesMut::new();
        payload.put_u8(self.mapping.number());
        for place in self.places.iter().take(MAX_CANDIDATES) {
            place.encode(&mut payload);
        }
        encode_header(FrameType::CANDIDATES, payload.len(), out);
        out.extend_from_slice(&payload);
    }

    pub(super) fn decode(fields: Fields) -> Result<Self, DecodeError> {
        let mut rest = fields.rest();
        let mapping = Mapping::of(take_byte(&mut rest)?);
        let mut places = Vec::new();
        let mut count = 0;
        while !rest.is_empty() {
            count += 1;
            if count > MAX_CANDIDATES {
                let (len, max) = (count as u64, MAX_CANDIDATES as u64);
                return Err(DecodeError::TooLong { len, max });
            }
            places.extend(Candidate::take(&mut rest)?);
        }
        Ok(Self { mapping, places })
    }
}

impl Mapping {
    const fn number(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Independent => 1,
            Self::Dependent => 2,
        }
    }

    const fn of(number: u8) -> Self {
        match number {
            1 => Self::Independent,
            2 => Self::Dependent,
            _ => Self::Unknown,
        }
    }
}

impl Candidate {
    fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Interface(address) => encode_address(INTERFACE, *address, out),
            Self::Outside(address) => encode_address(OUTSIDE, *address, out),
            Self::WebSocket(url) => {
                out.put_u8(WEB_SOCKET);
                url.encode(out);
            }
        }
    }

    /// The next one; `None` for one of a kind that is not known.
    fn take(input: &mut Bytes) -> Result<Option<Self>, DecodeError> {
        let kind = take_byte(input)?;
        if kind == WEB_SOCKET {
            return Ok(Some(Self::WebSocket(Name::take(input)?)));
        }
        let length = usize::from(take_byte(input)?);
        if input.len() < length {
            return Err(DecodeError::Truncated);
        }
        let content = input.split_to(length);
        Ok(match kind {
            INTERFACE => Some(Self::Interface(decode_address(&content)?)),
            OUTSIDE => Some(Self::Outside(decode_address(&content)?)),
            _ => None,
        })
    }
}

fn encode_address(kind: u8, address: SocketAddr, out: &mut BytesMut) {
    out.put_u8(kind);
    match address.ip() {
        IpAddr::V4(ip) => {
            out.put_u8(V4_LEN);
            out.extend_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            out.put_u8(V6_LEN);
            out.extend_from_slice(&ip.octets());
        }
    }
    out.put_u16(address.port());
}

fn decode_address(content: &[u8]) -> Result<SocketAddr, DecodeError> {
    let (ip, port) = content.split_at(content.len().saturating_sub(2));
    let ip = match ip.len() {
        4 => <[u8; 4]>::try_from(ip).map(IpAddr::from),
        16 => <[u8; 16]>::try_from(ip).map(IpAddr::from),
        _ => return Err(DecodeError::MalformedAddress { len: content.len() }),
    };
    let malformed = DecodeError::MalformedAddress { len: content.len() };
    let port = <[u8; 2]>::try_from(port).map_err(|_| malformed)?;
    Ok((ip.map_err(|_| malformed)?, u16::from_be_bytes(port)).into())
}

fn take_byte(input: &mut Bytes) -> Result<u8, DecodeError> {
    input.try_get_u8().map_err(|_| DecodeError::Truncated)
}

const INTERFACE: u8 = 0;
const OUTSIDE: u8 = 1;
const WEB_SOCKET: u8 = 2;
const V4_LEN: u8 = 6;
const V6_LEN: u8 = 18;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::only_frame;
    use crate::{ControlFrame, RawFrame};

    fn any_candidate() -> impl Strategy<Value = Candidate> {
        prop_oneof![
            any::<SocketAddr>().prop_map(|address| Candidate::Interface(plain(address))),
            any::<SocketAddr>().prop_map(|address| Candidate::Outside(plain(address))),
            "[a-z:/.0-9]{0,255}".prop_map(|url| Candidate::WebSocket(url.parse().unwrap())),
        ]
    }

    /// Flow label and scope do not travel.
    fn plain(address: SocketAddr) -> SocketAddr {
        (address.ip(), address.port()).into()
    }

    fn decode(payload: &[u8]) -> Result<ControlFrame, DecodeError> {
        ControlFrame::decode(RawFrame {
            frame_type: FrameType::CANDIDATES,
            payload: Bytes::copy_from_slice(payload),
        })
    }

    proptest! {
        #[test]
        fn candidates_survive_the_wire(
            places in prop::collection::vec(any_candidate(), 0..=MAX_CANDIDATES),
            mapping in 0..3u8,
        ) {
            let frame = ControlFrame::Candidates(Candidates { mapping: Mapping::of(mapping), places });
            let mut out = BytesMut::new();
            frame.encode(&mut out);
            prop_assert_eq!(ControlFrame::decode(only_frame(out)), Ok(frame));
        }
    }

    #[test]
    fn a_candidate_of_an_unknown_kind_is_skipped() {
        let known = [0, 6, 192, 0, 2, 1, 0x1f, 0x90];
        let frame = [&[1, 9, 2, 0xff, 0xff][..], &known].concat();
        let expected = Candidates {
            mapping: Mapping::Independent,
            places: vec![Candidate::Interface(([192, 0, 2, 1], 8080).into())],
        };
        assert_eq!(decode(&frame), Ok(ControlFrame::Candidates(expected)));
    }

    #[test]
    fn malformed_candidates_are_refused() {
        assert_eq!(decode(&[]), Err(DecodeError::Truncated));
        assert_eq!(decode(&[0, 0]), Err(DecodeError::Truncated));
        assert_eq!(decode(&[0, 0, 6, 1, 2]), Err(DecodeError::Truncated));
        assert_eq!(decode(&[0, 2, 3, b'w']), Err(DecodeError::Truncated));
        let odd = Err(DecodeError::MalformedAddress { len: 5 });
        assert_eq!(decode(&[0, 1, 5, 1, 2, 3, 4, 5]), odd);
        let none = Err(DecodeError::MalformedAddress { len: 0 });
        assert_eq!(decode(&[0, 1, 0]), none);
    }

    #[test]
    fn more_candidates_than_allowed_are_refused_whatever_their_kind() {
        let mut frame = vec![0];
        for _ in 0..MAX_CANDIDATES {
            frame.extend([77, 0]);
        }
        let nothing = ControlFrame::Candidates(Candidates::default());
        assert_eq!(decode(&frame), Ok(nothing));
        frame.extend([77, 0]);
        let refusal = DecodeError::TooLong { len: 33, max: 32 };
        assert_eq!(decode(&frame), Err(refusal));
    }
}
