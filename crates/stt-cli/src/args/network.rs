//! What may be asked of `stt peers` and `stt find`.

use clap::Args;
use stt::NodeId;

use super::{ObjectName, Place, SeedSource};

/// `stt peers`, and whom `stt find` asks.
#[derive(Debug, Args)]
pub(crate) struct Network {
    #[command(flatten)]
    pub(crate) seed: SeedSource,

    /// Ask by a node of this command's own that joins by this member, instead of the one that runs
    /// with --data-dir; may be given several times
    #[arg(long, value_name = "ADDR")]
    pub(crate) bootstrap: Vec<Place>,
}

/// `stt find`.
#[derive(Debug, Args)]
pub(crate) struct Find {
    /// A node id, to find where the member is; or an address of content, to find who has it
    #[arg(value_name = "ID|ADDRESS")]
    pub(crate) what: Sought,

    #[command(flatten)]
    pub(crate) network: Network,
}

/// What is looked for.
#[derive(Debug, Clone)]
pub(crate) enum Sought {
    Member(NodeId),
    Object(ObjectName),
}
