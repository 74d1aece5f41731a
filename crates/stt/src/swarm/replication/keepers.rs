//! Who offers room, and in which order they are asked. spec: COPY-10, COPY-11.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use stc::NodeId;

use crate::dht::{Dht, FoundPeer};
use crate::storage::Address;
use crate::swarm::offer::{SHARDS, offer_address};

/// Members that offer room, in the order in which they are asked for this object; more than `enough` are not looked for.
pub(super) async fn find(dht: &Dht, object: Address, enough: usize) -> Vec<FoundPeer> {
    let mut found: BTreeMap<NodeId, FoundPeer> = BTreeMap::new();
    let first = object.as_bytes()[0];
    let shards: Vec<u8> = (0..SHARDS)
        .map(|number| first.wrapping_add(number) % SHARDS)
        .collect();
    for some in shards.chunks(AT_A_TIME) {
        let searches = some
            .iter()
            .map(|shard| providers(dht, offer_address(*shard)));
        let told = join_all(searches).await.into_iter().flatten();
        found.extend(told.map(|peer| (peer.node, peer)));
        if found.len() >= enough {
            break;
        }
    }
    let mut found: Vec<_> = found.into_values().collect();
    found.sort_by_cached_key(|peer| rank(object, &peer.node));
    found
}

async fn providers(dht: &Dht, address: Address) -> Vec<FoundPeer> {
    let mut search = dht.find_providers(address);
    let mut found = Vec::new();
    while let Some(told) = search.next().await {
        found.extend(told.ok());
    }
    found
}

/// Rendezvous hashing: who looks for keepers of the same object comes to the same ones, and each object has its own.
fn rank(object: Address, keeper: &NodeId) -> [u8; 32] {
    let named = [&b"stt keeper 1"[..], object.as_bytes(), keeper.as_bytes()].concat();
    *Address::of(&named).as_bytes()
}

/// Places for offers that are searched at a time.
const AT_A_TIME: usize = 4;
