//! The command line. The hidden side is how this program starts itself.

use std::fmt;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Measures finding members and providers.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) plan: Plan,
    #[command(subcommand)]
    pub(crate) side: Option<Side>,
}

/// What is measured.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) work: Work,
    /// How often each is measured.
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// Who is measured.
    #[arg(long, value_delimiter = ',', default_value = "stt,libp2p,libp2p-quic")]
    pub(crate) peers: Vec<PeerName>,
}

/// What one run does.
#[derive(Debug, Clone, Args)]
pub(crate) struct Work {
    /// How many members there are.
    #[arg(long, default_value_t = 500)]
    pub(crate) members: usize,
    /// How often each operation is done, by a random member each time.
    #[arg(long, default_value_t = 200)]
    pub(crate) operations: usize,
    /// For how long the members are left alone between joining and being asked, in seconds.
    #[arg(long, default_value_t = 60)]
    pub(crate) settle: u64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Side {
    #[command(hide = true)]
    Run {
        #[arg(long)]
        peer: PeerName,
        #[command(flatten)]
        work: Work,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PeerName {
    /// This library: nodes over UDP on loopback.
    Stt,
    /// libp2p-kad over memory, with Noise and yamux.
    Libp2p,
    /// libp2p-kad over QUIC on loopback.
    Libp2pQuic,
}

impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stt => "stt",
            Self::Libp2p => "libp2p",
            Self::Libp2pQuic => "libp2p-quic",
        })
    }
}

impl Work {
    pub(crate) fn to_args(&self, peer: PeerName) -> Vec<String> {
        vec![
            "run".to_owned(),
            format!("--peer={peer}"),
            format!("--members={}", self.members),
            format!("--operations={}", self.operations),
            format!("--settle={}", self.settle),
        ]
    }
}
