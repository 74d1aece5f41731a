//! The lab's numbers: which addresses networks and hosts get.
//!
//! Public addresses are from blocks that every program takes for public, a /24 and a /64 for each
//! who is attached, so that no two public hosts are of one network. Nothing of it leaves the lab.
//! Every LAN is 192.168.1.0/24, as at most homes: that two of them clash is part of the test.

use std::net::{Ipv4Addr, Ipv6Addr};

/// What is given to who attaches to a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) v4: Ipv4Addr,
    pub(crate) gateway_v4: Ipv4Addr,
    pub(crate) v6: Option<Ipv6Addr>,
    pub(crate) gateway_v6: Option<Ipv6Addr>,
}

impl Lease {
    /// The `number`th network of the internet, and the host in it; the first host is 2.
    pub(crate) fn public(number: u8, host: u8) -> Self {
        Self {
            v4: Ipv4Addr::new(50, 0, number, host),
            gateway_v4: Ipv4Addr::new(50, 0, number, 1),
            v6: Some(public_v6(number, 0, host)),
            gateway_v6: Some(public_v6(number, 0, 1)),
        }
    }

    /// A host of a LAN, which has public IPv6 addresses if its NAT was given a number for them.
    pub(crate) fn private(depth: u8, v6_number: Option<u8>, host: u8) -> Self {
        Self {
            v4: Ipv4Addr::new(192, 168, depth, host),
            gateway_v4: Ipv4Addr::new(192, 168, depth, 1),
            v6: v6_number.map(|number| public_v6(number, 1, host)),
            gateway_v6: v6_number.map(|number| public_v6(number, 1, 1)),
        }
    }
}

/// The block of IPv6 addresses that is routed to the NAT at the `number`th network.
pub(crate) fn routed_v6(number: u8) -> String {
    format!("{}/64", public_v6(number, 1, 0))
}

fn public_v6(number: u8, subnet: u16, host: u8) -> Ipv6Addr {
    Ipv6Addr::new(
        0x2600,
        u16::from(number),
        0,
        subnet,
        0,
        0,
        0,
        u16::from(host),
    )
}
