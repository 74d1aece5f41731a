//! `HOST:PORT`, where HOST may be a name, an IPv4 address or an IPv6 address in brackets.

use std::{fmt, net::Ipv6Addr, str::FromStr};

/// Where a peer is to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostPort {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl FromStr for HostPort {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = split(text)?;
        if port == 0 {
            return Err("nobody listens on port 0");
        }
        let host = host.to_owned();
        Ok(Self { host, port })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            return write!(f, "[{host}]:{port}");
        }
        write!(f, "{host}:{port}")
    }
}

/// Host, without brackets, and port.
pub(super) fn split(text: &str) -> Result<(&str, u16), &'static str> {
    let (host, port) = text.rsplit_once(':').ok_or(NO_PORT)?;
    let port = port.parse().map_err(|_| BAD_PORT)?;
    Ok((host_of(host)?, port))
}

/// An IPv6 address without the interface that a link-local one is seen from: `fe80::1%eth0`.
pub(super) fn zone_less(host: &str) -> &str {
    match host.split_once('%') {
        Some((address, zone)) if !zone.is_empty() => address,
        _ => host,
    }
}

fn host_of(text: &str) -> Result<&str, &'static str> {
    if let Some(inner) = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
    {
        return match zone_less(inner).parse::<Ipv6Addr>() {
            Ok(address) if address.is_unicast_link_local() && !inner.contains('%') => {
                Err("a link-local address needs its interface: [fe80::1%eth0]:PORT")
            }
            Ok(_) => Ok(inner),
            Err(_) => Err("brackets hold an IPv6 address"),
        };
    }
    if text.is_empty() {
        return Err("a host is missing before the colon");
    }
    if text.contains([':', '[', ']']) {
        return Err("write an IPv6 address in brackets: [ADDRESS]:PORT");
    }
    Ok(text)
}

const NO_PORT: &str = "a port is missing: HOST:PORT";
const BAD_PORT: &str = "a port is a number up to 65535: HOST:PORT";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<(String, u16)> {
        let parsed = text.parse::<HostPort>().ok()?;
        Some((parsed.host, parsed.port))
    }

    #[test]
    fn names_and_both_families_are_hosts() {
        assert_eq!(
            parse("example.org:7000"),
            Some(("example.org".into(), 7000))
        );
        assert_eq!(parse("192.0.2.7:1"), Some(("192.0.2.7".into(), 1)));
        assert_eq!(parse("[::1]:65535"), Some(("::1".into(), 65535)));
        assert_eq!(parse("[fe80::1%eth0]:1"), Some(("fe80::1%eth0".into(), 1)));
    }

    #[test]
    fn what_could_mean_two_things_is_refused() {
        for text in [
            "::1:7000",
            "host",
            "host:",
            ":7000",
            "host:0",
            "host:65536",
            "[host]:1",
            "[host%eth0]:1",
            "[fe80::1%]:1",
            "[fe80::1]:1",
            "[::1]",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
