//! Firewalls between a host and its network, without memory: they look at each packet alone.

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
    /// Rules for what the near side sends.
    pub(crate) fn out(self) -> &'static str {
        match self {
            Self::Open => "",
            Self::UdpBlocked => "meta l4proto udp drop",
            Self::TcpOut => {
                "meta protocol { ip, ip6 } meta l4proto != { tcp, icmp, ipv6-icmp } drop"
            }
        }
    }

    /// Rules for what is sent to the near side.
    pub(crate) fn into_near(self) -> &'static str {
        match self {
            Self::Open => "",
            Self::UdpBlocked => "meta l4proto udp drop",
            Self::TcpOut => {
                "meta protocol { ip, ip6 } meta l4proto != { tcp, icmp, ipv6-icmp } drop
                 tcp flags & (syn | ack) == syn drop"
            }
        }
    }
}
