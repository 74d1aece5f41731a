//! The way out through an HTTP proxy, by CONNECT (RFC 9110 section 9.3.6).

use std::{fmt, io, net::IpAddr};

use data_encoding::BASE64;
use tokio::io::AsyncWriteExt;

use super::{
    dial::WebSocketError,
    head::{MAX_HEADERS, read_head, status_of},
    url::{Url, bracketed, parse_port, split_authority},
};
use crate::transport::stream::BoxedStream;

/// Whether WebSockets are dialled through an HTTP proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyChoice {
    /// As the environment says: the first of `https_proxy`, `HTTPS_PROXY`, `all_proxy` and
    /// `ALL_PROXY` that is set and not empty, unless `no_proxy` or `NO_PROXY` names the host.
    #[default]
    Environment,
    /// Never.
    Direct,
    /// Always through this one: `http://host:port`, or `http://name:password@host:port`.
    At(String),
}

/// Why a text names no proxy that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// It begins with another scheme than `http://`.
    #[error("the proxy's URL has another scheme than http://")]
    Scheme,
    /// It names no host.
    #[error("the proxy's URL names no host")]
    Host,
    /// Its port is no port.
    #[error("the proxy's port is no number from 1 to 65535")]
    Port,
}

/// An HTTP proxy.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// What follows `Basic`.
    credentials: Option<String>,
}

impl ProxyChoice {
    /// The proxy on the way to `url`; `variable` reads the environment.
    pub(crate) fn proxy_to(
        &self,
        url: &Url,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Proxy>, ProxyError> {
        let first = |names: &[&str]| {
            let set = names.iter().filter_map(|name| variable(name));
            set.map(|value| value.trim().to_owned())
                .find(|value| !value.is_empty())
        };
        let text = match self {
            Self::Direct => None,
            Self::At(text) => Some(text.clone()),
            Self::Environment => {
                let exempt = first(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
                let named = first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]);
                named.filter(|_| !is_exempt(url, &exempt))
            }
        };
        text.map(|text| Proxy::parse(&text)).transpose()
    }
}

/// A list of names and addresses, each for itself and the names below it; `*` is all.
fn is_exempt(url: &Url, list: &str) -> bool {
    let host = url.host.to_ascii_lowercase();
    let is_address = host.parse::<IpAddr>().is_ok();
    list.split([',', ' ']).map(str::trim).any(|listed| {
        let listed = listed.to_ascii_lowercase();
        let listed = match split_authority(&listed) {
            Ok((name, Some(port))) if parse_port(port) == Some(url.port) => name,
            Ok((_, Some(_))) => return false,
            Ok((name, None)) => name,
            // An IPv6 address without brackets.
            Err(_) => &listed,
        };
        let below = listed.trim_start_matches('.');
        let is_below = || {
            let above = host.strip_suffix(below);
            !is_address && above.is_some_and(|above| above.ends_with('.'))
        };
        listed == "*" || !below.is_empty() && (host == below || is_below())
    })
}

impl Proxy {
    fn parse(text: &str) -> Result<Self, ProxyError> {
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some(_) => return Err(ProxyError::Scheme),
            None => text,
        };
        let rest = rest.trim_end_matches('/');
        let (credentials, authority) = match rest.rsplit_once('@') {
            Some((credentials, authority)) => (Some(credentials), authority),
            None => (None, rest),
        };
        let (host, port) = split_authority(authority).map_err(|_| ProxyError::Host)?;
        let port = match port {
            Some(digits) => parse_port(digits).ok_or(ProxyError::Port)?,
            None => DEFAULT_PORT,
        };
        Ok(Self {
            host: host.to_owned(),
            port,
            credentials: credentials.map(|text| BASE64.encode(&unescaped(text))),
        })
    }

    /// Host and port.
    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", bracketed(&self.host), self.port)
    }

    /// What is sent to it to be let through to `url`.
    pub(crate) fn encode(&self, url: &Url) -> String {
        let (host, port) = (bracketed(&url.host), url.port);
        let authorization = match &self.credentials {
            Some(credentials) => format!("Proxy-Authorization: Basic {credentials}\r\n"),
            None => String::new(),
        };
        format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n{authorization}\r\n")
    }

    /// Asks it to let the stream through.
    pub(super) async fn pass(
        &self,
        stream: &mut BoxedStream,
        url: &Url,
    ) -> Result<(), WebSocketError> {
        let asked = async {
            stream.write_all(self.encode(url).as_bytes()).await?;
            stream.flush().await?;
            read_head(stream).await
        };
        let (head, early) = asked.await.map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => WebSocketError::Foreign,
            _ => WebSocketError::Cut(error),
        })?;
        match decode_status(&head) {
            // Nothing comes from a listener that was not asked yet.
            Some(200..=299) if early.is_empty() => Ok(()),
            Some(200..=299) | None => Err(WebSocketError::Foreign),
            Some(status) => Err(WebSocketError::ProxyRefused { status }),
        }
    }
}

/// The status of a proxy's answer, if it is HTTP.
pub(crate) fn decode_status(head: &[u8]) -> Option<u16> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut answer = httparse::Response::new(&mut headers);
    status_of(&mut answer, head)
}

/// `%40` for `@` and the like (RFC 3986 section 2.1); what is no escape stays.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = after.get(..2).filter(|_| first == b'%');
        let value = escaped.and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            u8::from_str_radix(digits, 16).ok()
        });
        bytes.push(value.unwrap_or(first));
        rest = if value.is_some() { &after[2..] } else { after };
    }
    bytes
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({}:{})", bracketed(&self.host), self.port)
    }
}

/// As curl does it.
const DEFAULT_PORT: u16 = 1_080;

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn found(url_: &str, variables: &[(&str, &str)]) -> Option<Proxy> {
        let variable = |name: &str| {
            let set = variables.iter().find(|(set, _)| *set == name);
            set.map(|(_, value)| (*value).to_owned())
        };
        ProxyChoice::Environment
            .proxy_to(&url(url_), variable)
            .unwrap()
    }

    #[test]
    fn the_environment_names_a_proxy_and_whom_it_is_not_for() {
        let proxy = ("HTTPS_PROXY", "http://proxy.example:3128/");
        assert_eq!(found("ws://a", &[proxy]).unwrap().port, 3_128);
        assert_eq!(found("ws://a", &[]), None);
        assert_eq!(found("ws://a", &[("https_proxy", " ")]), None);
        for (host, exempt, is_direct) in [
            ("ws://a.example", "example", true),
            ("ws://a.example", ".example", true),
            ("ws://a.example", "x, A.example", true),
            ("ws://a.example", "b.example", false),
            ("ws://aexample", "example", false),
            ("ws://a.example:7", "a.example:7", true),
            ("ws://a.example:7", "a.example:8", false),
            ("ws://10.0.0.1", "10.0.0.1", true),
            ("ws://10.0.0.1", "0.0.1", false),
            ("ws://[::1]", "::1", true),
            ("ws://[::1]", "[::1]", true),
            ("ws://a", "*", true),
            ("ws://a", ",,", false),
        ] {
            let found = found(host, &[proxy, ("no_proxy", exempt)]);
            assert_eq!(found.is_none(), is_direct, "{host} {exempt}");
        }
    }

    #[test]
    fn a_proxy_is_asked_for_the_host_with_its_credentials_which_are_never_shown() {
        let proxy = Proxy::parse("http://me:p%40ss@[::1]:8080").unwrap();
        let asked = proxy.encode(&url("wss://a.example"));
        assert_eq!(
            asked,
            "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\
             Proxy-Authorization: Basic bWU6cEBzcw==\r\n\r\n"
        );
        assert_eq!(format!("{proxy:?}"), "Proxy([::1]:8080)");
    }

    #[test]
    fn what_is_no_proxy_says_why() {
        assert_eq!(Proxy::parse("socks5://a"), Err(ProxyError::Scheme));
        assert_eq!(Proxy::parse("http://"), Err(ProxyError::Host));
        assert_eq!(Proxy::parse("http://a:x"), Err(ProxyError::Port));
    }

    #[test]
    fn an_answer_of_a_proxy_is_its_status_or_nothing() {
        assert_eq!(decode_status(b"HTTP/1.0 200 OK\r\n\r\n"), Some(200));
        assert_eq!(decode_status(b"HTTP/1.1 407 x\r\nA: b\r\n\r\n"), Some(407));
        for nonsense in ["nonsense\r\n\r\n", "HTTP/1.1 200 OK\n\nA: b\r\n\r\n"] {
            assert_eq!(decode_status(nonsense.as_bytes()), None);
        }
    }
}
