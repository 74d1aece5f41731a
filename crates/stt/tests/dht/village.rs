//! A group of members that all serve, and what tests ask of them.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use stt::{
    Node, NodeBuilder, NodeId,
    dht::{Dht, DhtOptions, FindProvidersError, Serving},
    storage::Address,
};
use stt_sim::Sim;

use crate::support::{World, address};

/// Members on hosts 1 to `count`; all but the first joined by the first.
pub(crate) struct Village {
    pub(crate) nodes: Vec<Node>,
}

/// A member that serves from the start.
pub(crate) fn options() -> DhtOptions {
    DhtOptions::new().serving(Serving::Always)
}

/// One that joins by the member on `host`.
pub(crate) fn joining(host: u8) -> DhtOptions {
    options().bootstrap(address(host))
}

pub(crate) fn builder(world: &World, host: u8, options: DhtOptions) -> NodeBuilder {
    world.builder(host).dht(options)
}

impl Village {
    /// All start within two seconds, and have a minute to get to know each other.
    pub(crate) async fn new(sim: &Sim, world: &Arc<World>, count: u8) -> Self {
        let mut nodes = Vec::new();
        for host in 1..=count {
            let options = if host == 1 { options() } else { joining(1) };
            let node = builder(world, host, options).start().await.unwrap();
            nodes.push(node);
            sim.sleep(Duration::from_millis(50)).await;
        }
        sim.sleep(Duration::from_secs(60)).await;
        Self { nodes }
    }

    pub(crate) fn dht(&self, host: u8) -> Dht {
        self.nodes[usize::from(host) - 1].dht().unwrap()
    }

    pub(crate) fn id(&self, host: u8) -> NodeId {
        self.nodes[usize::from(host) - 1].id()
    }
}

/// All providers that a search finds.
pub(crate) async fn providers(
    dht: &Dht,
    address: Address,
) -> Result<BTreeSet<NodeId>, FindProvidersError> {
    let mut search = dht.find_providers(address);
    let mut found = BTreeSet::new();
    while let Some(provider) = search.next().await {
        found.insert(provider?.node);
    }
    Ok(found)
}
