//! The command line. The two hidden sides are how this program starts itself.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::peers::PeerName;

/// Measures fetching an object from one provider and from several.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) plan: Plan,
    #[command(subcommand)]
    pub(crate) side: Option<Side>,
}

/// What is measured.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// Where to write. Everything below it that this makes is removed again.
    #[arg(required = true)]
    pub(crate) directory: Option<PathBuf>,
    /// Bytes of the object, in MiB.
    #[arg(long, default_value_t = 1_024)]
    pub(crate) mib: u64,
    /// From how many it is fetched.
    #[arg(long, value_delimiter = ',', default_value = "1,4,8")]
    pub(crate) providers: Vec<usize>,
    /// Instead of loopback, a link of its own for each provider, with these rates in Mbit/s: needs root, and `ip` and `tc`.
    #[arg(long, value_delimiter = ',', conflicts_with = "providers")]
    pub(crate) links: Vec<u32>,
    /// How often each is measured.
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// Who fetches.
    #[arg(long, value_delimiter = ',', default_value = "stt,iroh,iroh-split")]
    pub(crate) peers: Vec<PeerName>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Side {
    #[command(hide = true)]
    Provide(Provider),
    #[command(hide = true)]
    Fetch(Fetcher),
}

/// One provider.
#[derive(Debug, Clone, Args)]
pub(crate) struct Provider {
    #[arg(long)]
    pub(crate) peer: PeerName,
    /// Which of them it is.
    #[arg(long)]
    pub(crate) number: u64,
    /// Where its socket is bound.
    #[arg(long)]
    pub(crate) bind: IpAddr,
    /// Where its store is, or is made.
    #[arg(long)]
    pub(crate) store: PathBuf,
    /// Where the bytes are, see [`content`](crate::content).
    #[arg(long)]
    pub(crate) content: PathBuf,
}

/// The one who fetches. The tickets of the providers come on standard input.
#[derive(Debug, Clone, Args)]
pub(crate) struct Fetcher {
    #[arg(long)]
    pub(crate) peer: PeerName,
    /// Where its socket is bound.
    #[arg(long)]
    pub(crate) bind: IpAddr,
    /// Where its store is made.
    #[arg(long)]
    pub(crate) store: PathBuf,
    /// Where the bytes are that must come.
    #[arg(long)]
    pub(crate) content: PathBuf,
    /// The processes of the providers.
    #[arg(long, value_delimiter = ',')]
    pub(crate) processes: Vec<u32>,
}

impl Plan {
    /// From how many it is fetched, one after the other.
    pub(crate) fn counts(&self) -> Vec<usize> {
        if self.links.is_empty() {
            self.providers.clone()
        } else {
            vec![self.links.len()]
        }
    }
}

impl Provider {
    pub(crate) fn to_args(&self) -> Vec<String> {
        vec![
            "provide".to_owned(),
            format!("--peer={}", self.peer),
            format!("--number={}", self.number),
            format!("--bind={}", self.bind),
            format!("--store={}", self.store.display()),
            format!("--content={}", self.content.display()),
        ]
    }
}

impl Fetcher {
    pub(crate) fn to_args(&self) -> Vec<String> {
        let processes: Vec<String> = self.processes.iter().map(u32::to_string).collect();
        vec![
            "fetch".to_owned(),
            format!("--peer={}", self.peer),
            format!("--bind={}", self.bind),
            format!("--store={}", self.store.display()),
            format!("--content={}", self.content.display()),
            format!("--processes={}", processes.join(",")),
        ]
    }
}
