//! The address of a WebSocket: `ws://host:port/prefix` or `wss://host:port/prefix`.

use std::{fmt, net::Ipv6Addr, str::FromStr};

/// Where a WebSocket is to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) scheme: Scheme,
    /// A name or an address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Nothing, or a path that begins with a slash and does not end with one.
    pub(crate) prefix: String,
}

/// What the connection looks like from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// Plain, usually at port 80.
    Ws,
    /// In TLS, usually at port 443.
    Wss,
}

/// Why a text is no URL of a WebSocket that can be dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// It does not begin with `ws://` or `wss://`.
    #[error("it does not begin with ws:// or wss://")]
    Scheme,
    /// There is no host, or none that could be one.
    #[error("it names no host")]
    Host,
    /// What follows the host is no port.
    #[error("its port is no number from 1 to 65535")]
    Port,
    /// The path has a query, a fragment, or a character that must be escaped.
    #[error("its path has more than letters, digits and -._~/%")]
    Path,
    /// It is longer than 1,024 bytes.
    #[error("it is longer than 1024 bytes")]
    Length,
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if text.len() > MAX_LENGTH {
            return Err(UrlError::Length);
        }
        let (scheme, rest) = split_scheme(text).ok_or(UrlError::Scheme)?;
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let (host, port) = split_authority(authority)?;
        let port = match port {
            None => scheme.port(),
            Some(digits) => parse_port(digits).ok_or(UrlError::Port)?,
        };
        if !path.bytes().all(may_be_in_a_path) {
            return Err(UrlError::Path);
        }
        Ok(Self {
            scheme,
            host: host.to_owned(),
            port,
            prefix: path.trim_end_matches('/').to_owned(),
        })
    }
}

fn split_scheme(text: &str) -> Option<(Scheme, &str)> {
    let (name, rest) = text.split_once("://")?;
    if name.eq_ignore_ascii_case("ws") {
        return Some((Scheme::Ws, rest));
    }
    name.eq_ignore_ascii_case("wss")
        .then_some((Scheme::Wss, rest))
}

/// Host and port of `name:7`, `[::1]:7` and the like.
pub(super) fn split_authority(authority: &str) -> Result<(&str, Option<&str>), UrlError> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or(UrlError::Host)?;
        host.parse::<Ipv6Addr>().map_err(|_| UrlError::Host)?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(UrlError::Port),
        };
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let is_name = !host.is_empty() && host.bytes().all(may_be_in_a_host);
    is_name.then_some((host, port)).ok_or(UrlError::Host)
}

pub(super) fn parse_port(digits: &str) -> Option<u16> {
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let port = digits.parse().ok().filter(|port| *port != 0)?;
    is_plain.then_some(port)
}

fn may_be_in_a_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._".contains(&byte)
}

fn may_be_in_a_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~/%".contains(&byte)
}

impl Scheme {
    /// Where it is looked for unless said otherwise (RFC 6455 section 3).
    fn port(self) -> u16 {
        match self {
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ws => "ws",
            Self::Wss => "wss",
        })
    }
}

impl Url {
    /// Host and port as HTTP writes them.
    pub(super) fn authority(&self) -> String {
        let host = bracketed(&self.host);
        if self.port == self.scheme.port() {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }
}

/// An IPv6 address in brackets; anything else as it is.
pub(super) fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.scheme;
        write!(f, "{scheme}://{}{}", self.authority(), self.prefix)
    }
}

const MAX_LENGTH: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_and_written() {
        for (text, host, port, prefix) in [
            ("ws://a.example", "a.example", 80, ""),
            ("wss://a.example:8443/x/y/", "a.example", 8_443, "/x/y"),
            ("WS://[::1]:7/", "::1", 7, ""),
            ("wss://10.0.0.1", "10.0.0.1", 443, ""),
        ] {
            let url: Url = text.parse().unwrap();
            assert_eq!((&*url.host, url.port, &*url.prefix), (host, port, prefix));
            assert_eq!(url.to_string().parse(), Ok(url));
        }
    }

    #[test]
    fn what_is_no_url_says_what_is_wrong() {
        for (text, error) in [
            ("http://a", UrlError::Scheme),
            ("a:7", UrlError::Scheme),
            ("ws://", UrlError::Host),
            ("ws://user@host", UrlError::Host),
            ("ws://a b", UrlError::Host),
            ("ws://[::1", UrlError::Host),
            ("ws://a:0", UrlError::Port),
            ("ws://a:+7", UrlError::Port),
            ("ws://a:70000", UrlError::Port),
            ("ws://a/x?y", UrlError::Path),
            ("ws://a/\r\nHost: b", UrlError::Path),
        ] {
            assert_eq!(text.parse::<Url>(), Err(error), "{text:?}");
        }
        let long = format!("ws://a/{}", "x".repeat(2_000));
        assert_eq!(long.parse::<Url>(), Err(UrlError::Length));
    }
}
