//! What may be asked of `stt node`.

use clap::Args;

use super::{Bind, ForwardBounds, Lan, Patience, SeedSource, Served};

/// `stt node`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) seed: SeedSource,

    /// Bind this UDP address and no other, as for `stt listen`; may be given several times
    #[arg(long, value_name = "ADDR")]
    pub(crate) bind: Vec<Bind>,

    /// Bring members' connections to TARGET, as `stt forward --serve` does; may be given several
    /// times, with names
    #[arg(long, value_name = "[NAME=]TARGET")]
    pub(crate) forward: Vec<Served>,

    #[command(flatten)]
    pub(crate) bounds: ForwardBounds,

    #[command(flatten)]
    pub(crate) lan: Lan,

    #[command(flatten)]
    pub(crate) patience: Patience,

    /// Say a line for each session and each connection
    #[arg(short, long)]
    pub(crate) verbose: bool,
}
