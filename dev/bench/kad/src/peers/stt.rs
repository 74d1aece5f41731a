//! This library: nodes with real sessions over UDP on loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures::stream::{self, TryStreamExt as _};
use stt::dht::{Dht, DhtOptions, Serving};
use stt::storage::Address;
use stt::{Group, Node, SystemEntropy, Target};

use super::{JOINING, Village};
use crate::system;

pub(crate) struct Nodes {
    nodes: Vec<Node>,
    members: Vec<Dht>,
    /// What loopback had sent before.
    before: f64,
}

impl Village for Nodes {
    async fn found(count: usize) -> Result<Self> {
        let before = system::sent_over_loopback()?;
        let group = Group::generate(&mut SystemEntropy);
        let mut nodes = Vec::new();
        let mut members = Vec::new();
        for number in 0..count {
            let node = Node::builder(group.clone())
                .bind((host(number), 0).into())
                .dht(DhtOptions::new().serving(Serving::Always))
                .start()
                .await?;
            members.push(node.dht().context("no DHT")?);
            nodes.push(node);
        }
        let first = nodes.first().context("nobody")?;
        let first = *first.local_addresses().first().context("no address")?;
        stream::iter(members.iter().enumerate().skip(1).map(Ok))
            .try_for_each_concurrent(JOINING, |(before, dht)| join(dht, first, before))
            .await?;
        Ok(Self {
            nodes,
            members,
            before,
        })
    }

    fn sent(&self) -> Result<f64> {
        Ok(system::sent_over_loopback()? - self.before)
    }

    fn requests(&self) -> u64 {
        let requests = self.members.iter().map(|dht| dht.stats().requests);
        requests.sum()
    }

    fn knows(&self, asker: usize, member: usize) -> bool {
        let id = self.nodes[member].id();
        let known = self.members[asker].members();
        known.iter().any(|known| known.node == id)
    }

    async fn find(&self, asker: usize, member: usize) -> Result<Option<Duration>> {
        let began = Instant::now();
        let found = self.members[asker].find_peer(self.nodes[member].id()).await;
        Ok(found.is_ok().then(|| began.elapsed()))
    }

    async fn provide(&self, provider: usize, key: [u8; 32]) -> Result<bool> {
        let address = Address::from_bytes(key);
        Ok(self.members[provider].announce(address).await.is_ok())
    }

    async fn providers(
        &self,
        asker: usize,
        provider: usize,
        key: [u8; 32],
    ) -> Result<Option<Duration>> {
        let (began, wanted) = (Instant::now(), self.nodes[provider].id());
        let mut search = self.members[asker].find_providers(Address::from_bytes(key));
        let mut first = None;
        while let Some(found) = search.next().await {
            if found.is_ok_and(|found| found.node == wanted) {
                first.get_or_insert(began.elapsed());
            }
        }
        Ok(first)
    }
}

/// Each member has a host of its own: of one address a node takes few attempts at a time.
fn host(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 1 + (number >> 8) as u8, number as u8, 1)
}

/// On a busy machine the first member may be too late to answer: then it is asked again, as a node does by itself
/// when it is told whom to join by. It has joined once it knows a bucket of others, of `before` that were there: what it has to
/// look for by itself.
async fn join(dht: &Dht, first: SocketAddr, before: usize) -> Result<()> {
    let mut attempts = 1;
    while let Err(error) = dht.bootstrap([Target::from(first)]).await {
        ensure!(attempts < ATTEMPTS, "{error}, {attempts} times");
        attempts += 1;
    }
    let began = Instant::now();
    while dht.members().len() < BUCKET.min(before) {
        ensure!(began.elapsed() < JOINED_WITHIN, "knows nobody");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// Members of a bucket, of both libraries.
const BUCKET: usize = 20;
const LOOK_EVERY: Duration = Duration::from_millis(10);
const JOINED_WITHIN: Duration = Duration::from_mins(1);

const ATTEMPTS: usize = 10;
