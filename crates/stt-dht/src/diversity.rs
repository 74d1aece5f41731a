//! Which members count as one: those behind one network's addresses. spec: DHT-17.
//!
//! | addresses                    | one group            |
//! |------------------------------|----------------------|
//! | global IPv4                  | /24                  |
//! | global IPv6                  | /48                  |
//! | private, link-local, loopback | none: not limited   |
//!
//! Identities cost nothing; addresses in many networks do. In a private network all members are
//! behind few addresses, and whoever is in there is known to its owner.

use std::net::IpAddr;

use stt_wire::Contact;

/// The network that a member is in, if members of it are limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Network {
    V4([u8; 3]),
    V6([u8; 6]),
}

/// Most members of one network in a bucket.
pub(crate) const IN_BUCKET: usize = 2;
/// Most members of one network in the table.
pub(crate) const IN_TABLE: usize = 10;

impl Network {
    pub(crate) fn of(contact: &Contact) -> Option<Self> {
        let ip = contact.addresses.first().ip();
        if !is_global(ip) {
            return None;
        }
        Some(match ip {
            IpAddr::V4(ip) => {
                let [a, b, c, _] = ip.octets();
                Self::V4([a, b, c])
            }
            IpAddr::V6(ip) => Self::V6(std::array::from_fn(|place| ip.octets()[place])),
        })
    }
}

/// Whether an address means the same to everybody.
pub(crate) const fn is_global(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            let is_shared = first == 100 && second & 0xc0 == 64;
            !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || is_shared)
        }
        IpAddr::V6(ip) => !(ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()),
    }
}
