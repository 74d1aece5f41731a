//! What may be asked of `stt forward`.

use std::{fmt, num::NonZeroU32, path::PathBuf, str::FromStr, time::Duration};

use clap::Args;
use stt::NodeId;

use super::{Bind, HostPort, Patience, PeerPlace, Place, SeedSource, seconds};

/// `stt forward`.
#[derive(Debug, Args)]
pub(crate) struct Forward {
    /// Take connections here: IP:PORT, NAME:PORT or unix:PATH; port 0 for any free one
    #[arg(
        value_name = "LOCAL",
        required_unless_present = "serve",
        conflicts_with = "serve"
    )]
    pub(crate) local: Option<Entrance>,

    /// Where the peer is that runs `stt forward --serve`: a name or an address, and a UDP port; or the
    /// URL of a WebSocket; with --relay, who it is: its node id
    #[arg(value_name = "REMOTE", required_unless_present = "serve")]
    pub(crate) remote: Option<PeerPlace>,

    /// Reach the peer through this relay, at which it waits; with --serve, wait at it: HOST:PORT, or the
    /// URL of a WebSocket; may be given several times
    #[arg(long, value_name = "ADDR")]
    pub(crate) relay: Vec<Place>,

    #[command(flatten)]
    pub(crate) seed: SeedSource,

    /// Serve members: each of their connections goes to TARGET, which is HOST:PORT or unix:PATH, and
    /// to nothing else. Several targets need names
    #[arg(long, value_name = "[NAME=]TARGET")]
    pub(crate) serve: Vec<Served>,

    /// With --serve: bind this address and no other, for UDP or WebSockets, as for `stt listen`
    #[arg(long, value_name = "ADDR", conflicts_with = "local")]
    pub(crate) bind: Vec<Bind>,

    /// Ask for the peer's target of this name
    #[arg(long, value_name = "NAME", conflicts_with = "serve")]
    pub(crate) service: Option<ServiceName>,

    /// Talk to this member only; it prints its own with `stt id`
    #[arg(long, value_name = "NODEID", conflicts_with = "serve")]
    pub(crate) peer: Option<NodeId>,

    /// Give a dial up after this long without an answer
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds, conflicts_with = "serve")]
    pub(crate) timeout: Duration,

    /// Let a connection wait this long while the peer is being reached again
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds, conflicts_with = "serve")]
    pub(crate) hold: Duration,

    #[command(flatten)]
    pub(crate) bounds: ForwardBounds,

    #[command(flatten)]
    pub(crate) patience: Patience,

    /// Say a line for each connection, and not only for those that break
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// What both sides of a forward bound.
#[derive(Debug, Args)]
pub(crate) struct ForwardBounds {
    /// Connections at a time, with --serve of each peer. Further ones wait here, and are refused by
    /// the serving side. One whose reader stands still holds up to 1.25 MiB of memory
    #[arg(long, value_name = "NUMBER", default_value = "1024", value_parser = connections)]
    pub(crate) connections: NonZeroU32,

    /// When interrupted, let connections end for this long; a second interruption cuts them off
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) drain: Duration,
}

/// Where local programs come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entrance {
    Tcp(Bind),
    Unix(PathBuf),
}

impl FromStr for Entrance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match unix_path(text)? {
            Some(path) => Ok(Self::Unix(path)),
            None => text.parse().map(Self::Tcp),
        }
    }
}

/// What a member's connections are brought to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    Tcp(HostPort),
    Unix(PathBuf),
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match unix_path(text)? {
            Some(path) => Ok(Self::Unix(path)),
            None => text.parse().map(Self::Tcp).map_err(str::to_owned),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(to) => to.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

fn unix_path(text: &str) -> Result<Option<PathBuf>, String> {
    let Some(path) = text.strip_prefix("unix:") else {
        return Ok(None);
    };
    if path.is_empty() {
        return Err("a path is missing: unix:PATH".into());
    }
    if cfg!(not(unix)) {
        return Err("this system has no unix sockets".into());
    }
    Ok(Some(path.into()))
}

/// A target, and the name that peers ask for it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Served {
    /// Without one, for peers that ask for none.
    pub(crate) name: Option<ServiceName>,
    pub(crate) to: Destination,
}

impl FromStr for Served {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // An equals sign in a path follows a colon or a slash, which no name has.
        let (name, to) = match text.split_once('=') {
            Some((name, to)) if !name.contains([':', '/']) => (Some(name.parse()?), to),
            _ => (None, text),
        };
        let to = to.parse()?;
        Ok(Self { name, to })
    }
}

/// The name of a target: 1 to 64 letters, digits, dots, dashes and underscores.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ServiceName(String);

impl ServiceName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServiceName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if !(1..=MAX_NAME_LEN).contains(&text.len()) || !text.bytes().all(is_fit) {
            return Err("a name is 1 to 64 letters, digits, dots, dashes and underscores");
        }
        Ok(Self(text.to_owned()))
    }
}

fn connections(text: &str) -> Result<NonZeroU32, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number| *number <= MAX_CONNECTIONS);
    let number = number.and_then(NonZeroU32::new);
    number.ok_or_else(|| format!("between 1 and {MAX_CONNECTIONS}"))
}

const MAX_NAME_LEN: usize = 64;

/// As many as the windows of their streams fit in that of the session.
const MAX_CONNECTIONS: u32 = 3_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_may_have_a_name_and_may_be_a_path() {
        for (text, name, to) in [
            ("127.0.0.1:22", None, "127.0.0.1:22"),
            ("ssh=[::1]:22", Some("ssh"), "[::1]:22"),
            ("unix:/run/a=b", None, "unix:/run/a=b"),
            ("db=unix:/run/a=b", Some("db"), "unix:/run/a=b"),
        ] {
            let served: Served = text.parse().unwrap();
            assert_eq!(
                served.name.as_ref().map(ServiceName::as_str),
                name,
                "{text}"
            );
            assert_eq!(served.to.to_string(), to, "{text}");
        }
    }

    #[test]
    fn what_is_no_target_is_refused() {
        for text in [
            "", "22", "a=22", "=h:1", "unix:", "x=unix:", "host:0", "a b=h:1",
        ] {
            assert!(text.parse::<Served>().is_err(), "{text}");
        }
        let longest = "x".repeat(64);
        assert!(longest.parse::<ServiceName>().is_ok());
        assert!(format!("{longest}x").parse::<ServiceName>().is_err());
    }

    #[test]
    fn the_windows_of_as_many_connections_as_may_be_fit_one_session() {
        let most = u64::from(MAX_CONNECTIONS) * u64::from(stt::Limits::MAX_STREAM_WINDOW);
        assert!(u32::try_from(most).is_ok());
        assert!(connections("3000").is_ok());
        for bad in ["0", "3001", "-1", "many"] {
            assert!(connections(bad).is_err(), "{bad}");
        }
    }
}
