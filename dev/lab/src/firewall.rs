//! Firewalls between a host and its network, without memory: they look at each packet alone.

use crate::wire::Rules;

/// What a firewall lets through, beside ARP and ICMP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Firewall {
    /// Everything.
    Open,
    /// Everything but UDP.
    UdpBlocked,
    /// TCP connections that the near side opens, and nothing else: offices, hotels.
    TcpOut,
}

impl Firewall {
    /// What it drops.
    pub(crate) fn rules(self) -> Rules {
        match self {
            Self::Open => Rules { out: "", back: "" },
            Self::UdpBlocked => Rules {
                out: "meta l4proto udp drop",
                back: "meta l4proto udp drop",
            },
            Self::TcpOut => Rules {
                out: NO_TCP,
                back: NO_TCP_THAT_OPENS,
            },
        }
    }
}

const NO_TCP: &str = "meta protocol { ip, ip6 } meta l4proto != { tcp, icmp, ipv6-icmp } drop";
const NO_TCP_THAT_OPENS: &str =
    "meta protocol { ip, ip6 } meta l4proto != { tcp, icmp, ipv6-icmp } drop
     tcp flags & (syn | ack) == syn drop";
