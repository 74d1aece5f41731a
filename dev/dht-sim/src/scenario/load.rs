//! Load on few members: a key that everybody wants, and members that flood.

use std::time::Duration;

use bytes::Bytes;
use stt_dht::{Key, QueryId};
use stt_wire::{Ask, DhtAnswer, DhtRequest, Mode, Purpose, Record, RecordKind, VarInt};

use super::providers;
use crate::stats::Quantiles;
use crate::world::{MemberId, World};

/// Requests that each member has served since `before`.
pub fn served(world: &World, before: &[u64]) -> Quantiles {
    let mut served = Quantiles::default();
    for slot in world.alive() {
        let earlier = before.get(slot as usize).copied().unwrap_or_default();
        served.add((world.served(slot) - earlier) as f64);
    }
    served
}

/// What each member has served so far.
pub fn serving(world: &World) -> Vec<u64> {
    world.alive().map(|slot| world.served(slot)).collect()
}

/// Many members ask for one key within a minute.
pub fn crowd(world: &mut World, key: Key, readers: usize) -> usize {
    let mut asked = Vec::with_capacity(readers);
    let pause = Duration::from_micros(60_000_000 / readers.max(1) as u64);
    for _ in 0..readers {
        let reader = world.somebody();
        let query = world.command(reader, |engine, now, rng| {
            engine.find_providers(now, key, 1, rng)
        });
        asked.push((reader, query));
        world.run(pause);
    }
    world.run(Duration::from_secs(35));
    let found = |(reader, query): &(MemberId, Option<QueryId>)| {
        query.is_some_and(|query| !world.found(*reader, query).is_empty())
    };
    let count = asked.iter().filter(|asked| found(asked)).count();
    world.forget_results();
    count
}

/// Has members announce contents, and picks the one that holds most of them, and the keys of those.
pub fn holder(world: &mut World, contents: usize) -> (MemberId, Vec<Key>) {
    let (contents, _) = providers::announce(world, contents);
    let held = |slot: &MemberId| world.engine(*slot).map_or(0, |engine| engine.held().0);
    let victim = world.alive().max_by_key(held).unwrap_or_default();
    let mut keys: Vec<Key> = contents.iter().map(|content| content.key).collect();
    keys.retain(|key| holds(world, victim, *key));
    (victim, keys)
}

/// A member sends puts of records, as many as fit in each, to another: `puts` of them, ten a second.
pub fn flood(world: &mut World, from: MemberId, to: MemberId, puts: usize) {
    let node = world.contact(from).node;
    for _ in 0..puts {
        let unix = 1_800_000_000 + world.elapsed().as_secs();
        let record = |key| Record {
            kind: RecordKind::PROVIDER,
            key,
            node,
            issued: VarInt::saturating(unix),
            lifetime: VarInt::from_u32(86_400),
            sealed: Bytes::from_static(&[0; 400]),
            signature: [1; 64],
        };
        let records = (0..64).map(|_| record(world.rng().bytes())).collect();
        let ask = Ask::PutRecords {
            purpose: Purpose::Replica,
            records,
        };
        world.inject(
            from,
            to,
            DhtRequest {
                mode: Mode::Client,
                ask,
            },
        );
        world.run(Duration::from_millis(100));
    }
}

/// How many honest members hold a record under a key.
pub fn holders(world: &mut World, key: Key) -> usize {
    let slots: Vec<MemberId> = world.alive().collect();
    let holds = |slot: &&MemberId| world.engine(**slot).is_some() && holds(world, **slot, key);
    slots.iter().filter(holds).count()
}

/// Whether a member holds a record under a key.
pub fn holds(world: &mut World, slot: MemberId, key: Key) -> bool {
    let from = world.somebody();
    let target = *key.as_bytes();
    let ask = Ask::FindRecords {
        target,
        kind: RecordKind::PROVIDER,
        most: 1,
    };
    let answer = world.ask(
        from,
        slot,
        DhtRequest {
            mode: Mode::Client,
            ask,
        },
    );
    matches!(answer, Some(DhtAnswer::Records { records, .. }) if !records.is_empty())
}
