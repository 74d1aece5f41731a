//! Who may find a node: members on the local network, and those beyond its router.

use clap::Args;
use stt::{Door, Group, LanOptions, NodeBuilder};

/// How a node that listens makes itself known.
#[derive(Debug, Args)]
pub(crate) struct Reachable {
    /// Do not tell members on the local network that this node is there
    #[arg(long)]
    no_lan: bool,

    #[command(flatten)]
    port: LanPort,

    /// Do not ask the router to let others in, by UPnP, NAT-PMP or PCP
    #[arg(long)]
    no_port_mapping: bool,
}

/// Where members of the local network listen for each other.
#[derive(Debug, Args)]
pub(crate) struct LanPort {
    /// Find members of the local network at this UDP port, the same for all of them
    #[arg(long, value_name = "PORT", default_value_t = LanOptions::PORT)]
    lan_port: u16,
}

impl Reachable {
    /// A group with a passphrase stays silent on the local network: it could be guessed from what is said.
    pub(crate) fn apply(&self, mut builder: NodeBuilder, group: &Group) -> NodeBuilder {
        if !self.no_port_mapping {
            builder = builder.map_port();
        }
        if self.no_lan || group.door() == Door::Open {
            return builder;
        }
        builder.lan(self.port.options())
    }
}

impl Reachable {
    /// Whether the router is asked.
    pub(crate) fn maps_port(&self) -> bool {
        !self.no_port_mapping
    }
}

impl LanPort {
    pub(crate) fn options(&self) -> LanOptions {
        let mut options = LanOptions::default();
        options.port = self.lan_port;
        options
    }
}
