//! What a probe says.
//!
//! ```text
//! kind 1 | id 8 | address 16 | port 2        27 bytes
//!
//! kind: 0 ping, 1 pong, 2 ping of one that has moved
//! ```
//!
//! A pong repeats the id and says where the ping came from. Of a ping, address and port are zero. Who
//! has moved cannot be reached any more where it was.
//! An IPv4 address is mapped (RFC 4291 section 2.5.5.2).

use std::net::{Ipv6Addr, SocketAddr};

use stc::packet::PROBE_BODY_LEN;

/// One probe's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message {
    /// Are you there?
    Ping { id: u64, sender: Sender },
    /// The answer, and where the question came from.
    Pong { id: u64, from: SocketAddr },
}

/// Whether the sender is where it was.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sender {
    /// As far as it knows.
    #[default]
    Stayed,
    /// An address it had is gone.
    Moved,
}

impl Message {
    pub(crate) fn encode(self) -> [u8; PROBE_BODY_LEN] {
        let (kind, id, from) = match self {
            Self::Ping {
                id,
                sender: Sender::Stayed,
            } => (PING, id, None),
            Self::Ping {
                id,
                sender: Sender::Moved,
            } => (PING_MOVED, id, None),
            Self::Pong { id, from } => (PONG, id, Some(from)),
        };
        let mut body = [0; PROBE_BODY_LEN];
        body[0] = kind;
        body[1..9].copy_from_slice(&id.to_be_bytes());
        if let Some(from) = from {
            let ip = match from {
                SocketAddr::V4(v4) => v4.ip().to_ipv6_mapped(),
                SocketAddr::V6(v6) => *v6.ip(),
            };
            body[9..25].copy_from_slice(&ip.octets());
            body[25..].copy_from_slice(&from.port().to_be_bytes());
        }
        body
    }

    /// `None` for a kind that is not known.
    pub(crate) fn decode(body: [u8; PROBE_BODY_LEN]) -> Option<Self> {
        let (kind, rest) = body.split_first()?;
        let (id, rest) = rest.split_first_chunk()?;
        let (ip, port) = rest.split_first_chunk::<16>()?;
        let id = u64::from_be_bytes(*id);
        match *kind {
            PING => Some(Self::Ping {
                id,
                sender: Sender::Stayed,
            }),
            PING_MOVED => Some(Self::Ping {
                id,
                sender: Sender::Moved,
            }),
            PONG => {
                let ip = Ipv6Addr::from(*ip).to_canonical();
                let port = u16::from_be_bytes(port.try_into().ok()?);
                Some(Self::Pong {
                    id,
                    from: (ip, port).into(),
                })
            }
            _ => None,
        }
    }
}

const PING: u8 = 0;
const PONG: u8 = 1;
const PING_MOVED: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_survives_its_encoding() {
        for message in [
            Message::Ping {
                id: 7,
                sender: Sender::Stayed,
            },
            Message::Ping {
                id: 8,
                sender: Sender::Moved,
            },
            Message::Pong {
                id: u64::MAX,
                from: "192.0.2.1:4000".parse().unwrap(),
            },
            Message::Pong {
                id: 0,
                from: "[2001:db8::1]:1".parse().unwrap(),
            },
        ] {
            assert_eq!(Message::decode(message.encode()), Some(message));
        }
    }

    #[test]
    fn an_unknown_kind_is_no_message() {
        assert_eq!(Message::decode([3; PROBE_BODY_LEN]), None);
    }
}
