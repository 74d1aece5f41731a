//! This library: a node with a storage publishes, another fetches with a reference.

use std::fs;
use std::net::IpAddr;

use anyhow::{Context as _, Result};
use stt::storage::{BinaryStorage, Reference, StoreKey};
use stt::{Entropy, Group, Node, NodeSeed, Target};

use super::{Fetch, Ticket};
use crate::args::{Fetcher, Provider};
use crate::content::{self, Comparison};

pub(crate) struct Serving {
    pub(super) ticket: Ticket,
    _node: Node,
}

pub(super) async fn serve(provider: &Provider) -> Result<Serving> {
    let seed = NodeSeed::generate(&mut Numbered(provider.number));
    let storage = BinaryStorage::open(&provider.store, StoreKey::Node(&seed)).await?;
    let noted = provider.store.with_extension("reference");
    let reference: Reference = if noted.exists() {
        fs::read_to_string(&noted)?.parse()?
    } else {
        let file = tokio::fs::File::open(content::whole(&provider.content)).await?;
        let reference = storage.store_reader(file).await?;
        fs::write(&noted, reference.to_string())?;
        reference
    };
    let node = start(storage, provider.bind).await?;
    node.publish(reference.address).await?;
    let ticket = Ticket {
        address: *node.local_addresses().first().context("no address")?,
        id: String::new(),
        object: reference.to_string(),
    };
    Ok(Serving {
        ticket,
        _node: node,
    })
}

async fn start(storage: BinaryStorage, at: IpAddr) -> Result<Node> {
    let group = Group::generate(&mut Numbered(0));
    let node = Node::builder(group).bind((at, 0).into()).storage(storage);
    Ok(node.start().await?)
}

pub(super) struct Fetching {
    node: Node,
    storage: BinaryStorage,
    fetched: Option<Reference>,
}

impl Fetching {
    pub(super) async fn prepare(fetcher: &Fetcher) -> Result<Self> {
        let seed = NodeSeed::generate(&mut Numbered(u64::MAX));
        let storage = BinaryStorage::open(&fetcher.store, StoreKey::Node(&seed)).await?;
        Ok(Self {
            node: start(storage.clone(), fetcher.bind).await?,
            storage,
            fetched: None,
        })
    }
}

impl Fetch for Fetching {
    async fn fetch(&mut self, tickets: &[Ticket]) -> Result<()> {
        let first = tickets.first().context("no providers")?;
        let reference: Reference = first.object.parse()?;
        let providers = tickets.iter().map(|ticket| Target::from(ticket.address));
        let mut fetch = self.node.fetch_from(reference, providers)?;
        self.fetched = Some(fetch.finished().await?);
        Ok(())
    }

    async fn make_durable(&mut self) -> Result<()> {
        // It is, or the fetch would not be finished.
        Ok(())
    }

    async fn compare(&mut self, comparison: &mut Comparison) -> Result<()> {
        let fetched = self.fetched.context("nothing was fetched")?;
        let mut reader = self.storage.open_reader(fetched).await?;
        while let Some(piece) = reader.next_piece().await? {
            comparison.take(&piece)?;
        }
        Ok(())
    }
}

/// No entropy at all: the same number gives the same seed in each process. Nothing here is secret.
struct Numbered(u64);

impl Entropy for Numbered {
    fn fill(&mut self, out: &mut [u8]) {
        for (index, byte) in out.iter_mut().enumerate() {
            *byte = self.0.to_le_bytes()[index % 8] ^ index as u8;
        }
    }
}
