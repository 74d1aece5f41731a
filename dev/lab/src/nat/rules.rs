//! NATs of the kernel: the nftables rules that make Linux's connection tracking one kind or another.
//!
//! Ports kept: connection tracking gives each connection the internal port outside too, so the
//! mapping is endpoint-independent by itself. Whom it lets in is ours: packets from inside leave
//! in `open` where they came from and, as the filter wants it, whom they went to; a packet from
//! outside that finds itself in there is sent on to the host inside.
//! Ports drawn: each connection has its own, so both mapping and filter depend on all.
//!
//! *Invariant, no trace of strangers:* what is not let in is dropped on input, before connection
//! tracking would keep it; else it would push the next mapping to another port.

use std::fmt::Write;
use std::net::Ipv4Addr;

use super::{Dependence, Hairpin, Ipv6, NatKind, Ports};

/// The rules of a NAT whose sides are the interfaces `wan` and `lan`.
pub(crate) fn kernel_rules(kind: &NatKind, external: Ipv4Addr) -> String {
    let translation = match kind.ports {
        Ports::Preserved => kept_ports(kind, external),
        _ => drawn_ports(),
    };
    format!(
        "table ip nat\ndelete table ip nat\ntable ip nat {{\n{translation}{}}}\n",
        input(external)
    )
}

/// Drops what comes to the NAT itself from outside, and from inside to its outer address.
fn input(external: Ipv4Addr) -> String {
    format!(
        "chain input {{ type filter hook input priority 0
           iifname wan ct state established,related accept
           iifname wan ip protocol icmp accept
           iifname wan drop
           iifname lan ip daddr {external} ip protocol != icmp drop; }}\n"
    )
}

fn drawn_ports() -> String {
    "chain out { type nat hook postrouting priority srcnat
       oifname wan masquerade fully-random; }\n"
        .into()
}

fn kept_ports(kind: &NatKind, external: Ipv4Addr) -> String {
    let seconds = kind.lifetime.as_secs();
    let filter = Filter::of(kind.filtering);
    let mut rules = format!(
        "map hosts {{ type inet_service : ipv4_addr . inet_service; flags dynamic,timeout; size 65535; }}
         chain learn {{ type filter hook prerouting priority mangle
           iifname lan meta l4proto udp update @hosts {{ udp sport timeout {seconds}s : ip saddr . udp sport }}
           {}
         }}
         chain out {{ type nat hook postrouting priority srcnat
           oifname wan masquerade
           ct mark 1 snat to {external}; }}\n",
        filter.learn(seconds),
    );
    rules.insert_str(0, filter.set());
    let condition = filter.condition("ip saddr");
    let _ = writeln!(
        rules,
        "chain in {{ type nat hook prerouting priority dstnat
           iifname wan ip daddr {external} meta l4proto udp {condition} dnat to udp dport map @hosts"
    );
    if kind.hairpin == Hairpin::On {
        let condition = filter.condition("ip daddr"); // who is inside comes from there too
        let _ = writeln!(
            rules,
            "iifname lan ip daddr {external} meta l4proto udp {condition} ct mark set 1 dnat to udp dport map @hosts"
        );
    }
    rules.push_str("}\n");
    rules
}

/// Who may send in, as a set of whom the host inside has sent to from that port.
enum Filter {
    All,
    Addresses,
    Endpoints,
}

impl Filter {
    fn of(filtering: Dependence) -> Self {
        match filtering {
            Dependence::EndpointIndependent => Self::All,
            Dependence::AddressDependent => Self::Addresses,
            Dependence::AddressAndPortDependent => Self::Endpoints,
        }
    }

    fn set(&self) -> &'static str {
        match self {
            Self::All => "",
            Self::Addresses => {
                "set open { type inet_service . ipv4_addr; flags dynamic,timeout; size 65535; }\n"
            }
            Self::Endpoints => {
                "set open { type inet_service . ipv4_addr . inet_service; flags dynamic,timeout; size 65535; }\n"
            }
        }
    }

    fn learn(&self, seconds: u64) -> String {
        let key = match self {
            Self::All => return String::new(),
            Self::Addresses => "udp sport . ip daddr",
            Self::Endpoints => "udp sport . ip daddr . udp dport",
        };
        format!("iifname lan meta l4proto udp update @open {{ {key} timeout {seconds}s }}")
    }

    fn condition(&self, source: &str) -> String {
        match self {
            Self::All => String::new(),
            Self::Addresses => format!("udp dport . {source} @open"),
            Self::Endpoints => format!("udp dport . {source} . udp sport @open"),
        }
    }
}

/// The rules that keep IPv6 from going in, as `policy` says.
pub(crate) fn v6_rules(policy: Ipv6) -> &'static str {
    match policy {
        Ipv6::None | Ipv6::Open => "",
        Ipv6::Firewalled => {
            "table ip6 wall {
               chain forward { type filter hook forward priority 0
                 iifname wan ct state established,related accept
                 iifname wan meta l4proto ipv6-icmp accept
                 iifname wan drop
               }
             }\n"
        }
    }
}
