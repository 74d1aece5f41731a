//! What may be asked of `stt node`.

use std::num::NonZeroU64;

use clap::Args;
use stt::RelayLimits;

use super::{Bind, ForwardBounds, Patience, Place, Reachable, SeedSource, Served, amount};

/// `stt node`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) seed: SeedSource,

    /// Bind this address and no other, for UDP or WebSockets, as for `stt listen`; may be given several
    /// times
    #[arg(long, value_name = "ADDR")]
    pub(crate) bind: Vec<Bind>,

    /// Tell members that this node is also reached under this URL, `wss://HOST/PATH`: a reverse proxy
    /// forwards it to where the node is bound for WebSockets; may be given several times
    #[arg(long, value_name = "URL", value_parser = websocket_url)]
    pub(crate) announce: Vec<String>,

    /// Join the group by this member; may be given several times. Members that were known before
    /// are tried too, if there is a --data-dir
    #[arg(long, value_name = "ADDR")]
    pub(crate) bootstrap: Vec<Place>,

    /// Others can reach this node: let them list it at once, and not only once it has been seen. A
    /// node without --bootstrap does so in any case
    #[arg(long = "reachable")]
    pub(crate) serves: bool,

    /// Bring members' connections to TARGET, as `stt forward --serve` does; may be given several
    /// times, with names
    #[arg(long, value_name = "[NAME=]TARGET")]
    pub(crate) forward: Vec<Served>,

    /// Be a relay: forward sealed packets between members that don't reach each other
    #[arg(long)]
    pub(crate) relay: bool,

    /// As a relay, let each member send so many bytes a second
    #[arg(long, value_name = "BYTES", requires = "relay")]
    pub(crate) relay_rate: Option<NonZeroU64>,

    /// Offer so much room, such as 10G, for sealed copies of other members' objects; needs --data-dir
    #[arg(long, value_name = "SIZE", value_parser = amount)]
    pub(crate) offer: Option<u64>,

    /// Let one member have so much of it [default: half]
    #[arg(long, value_name = "SIZE", value_parser = amount, requires = "offer")]
    pub(crate) offer_share: Option<u64>,

    /// Wait at this relay too, as `stt listen --relay` does; may be given several times
    #[arg(long, value_name = "ADDR")]
    pub(crate) use_relay: Vec<Place>,

    #[command(flatten)]
    pub(crate) bounds: ForwardBounds,

    #[command(flatten)]
    pub(crate) reachable: Reachable,

    #[command(flatten)]
    pub(crate) patience: Patience,

    /// Say a line for each session and each connection
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// The library says what is wrong with it beyond that.
fn websocket_url(text: &str) -> Result<String, &'static str> {
    match text.parse() {
        Ok(Place::WebSocket(url)) => Ok(url),
        _ => Err(
            "not the URL of a WebSocket: wss://HOST or ws://HOST, with a port and a path if need be",
        ),
    }
}

impl Run {
    /// What is done for members as a relay, if anything is.
    pub(crate) fn relay_limits(&self) -> Option<RelayLimits> {
        let mut limits = RelayLimits::default();
        limits.rate = self.relay_rate.unwrap_or(limits.rate);
        self.relay.then_some(limits)
    }
}
