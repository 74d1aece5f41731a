//! Members on the local network: found by `connect`, and by whoever else wants to know.

use clap::Args;
use stt::{Door, Group, LanOptions, NodeBuilder};

/// Whether members on the local network may find this node.
#[derive(Debug, Args)]
pub(crate) struct Lan {
    /// Do not tell members on the local network that this node is there
    #[arg(long)]
    no_lan: bool,

    #[command(flatten)]
    port: LanPort,
}

/// Where members of the local network listen for each other.
#[derive(Debug, Args)]
pub(crate) struct LanPort {
    /// Find members of the local network at this UDP port, the same for all of them
    #[arg(long, value_name = "PORT", default_value_t = LanOptions::PORT)]
    lan_port: u16,
}

impl Lan {
    /// A group with a passphrase stays silent: it could be guessed from what is said.
    pub(crate) fn apply(&self, builder: NodeBuilder, group: &Group) -> NodeBuilder {
        if self.no_lan || group.door() == Door::Open {
            return builder;
        }
        builder.lan(self.port.options())
    }
}

impl LanPort {
    pub(crate) fn options(&self) -> LanOptions {
        let mut options = LanOptions::default();
        options.port = self.lan_port;
        options
    }
}
