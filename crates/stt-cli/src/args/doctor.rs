//! What may be asked of `stt doctor`.

use std::time::Duration;

use clap::Args;

use super::{PeerPlace, Place, Reachable, SeedSource, seconds};

/// `stt doctor`.
#[derive(Debug, Args)]
pub(crate) struct Examine {
    /// Also say whether a direct path to this peer will work, then try: HOST:PORT, the URL of a
    /// WebSocket, or its node id if there is somewhere to meet it: --relay, --via or the local network
    pub(crate) peer: Option<PeerPlace>,

    #[command(flatten)]
    pub(crate) seed: SeedSource,

    /// Ask this member, any node of the group that listens: HOST:PORT, or the URL of a WebSocket. Give
    /// two or more, on different hosts: they tell how addresses are translated
    #[arg(long, value_name = "ADDR", visible_alias = "bootstrap")]
    pub(crate) via: Vec<Place>,

    /// Say whether this relay is reached, and how fast; may be given several times
    #[arg(long, value_name = "ADDR")]
    pub(crate) relay: Vec<Place>,

    #[command(flatten)]
    pub(crate) reachable: Reachable,

    /// Be done within this time, whatever does not answer; the least is 2
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = patience)]
    pub(crate) timeout: Duration,
}

/// Less tells nothing: two round trips far away, and a router that is asked.
fn patience(text: &str) -> Result<Duration, String> {
    let time = seconds(text)?;
    if time < Duration::from_secs(2) {
        return Err("at least 2 seconds".into());
    }
    Ok(time)
}
