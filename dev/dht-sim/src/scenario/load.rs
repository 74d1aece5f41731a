//! Load on few members: a key that everybody wants, and members that flood.

use std::time::Duration;

use bytes::Bytes;
use stt_wire::{Ask, DhtAnswer, DhtRequest, Mode, Purpose, Record, RecordKind, VarInt};

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
pub fn crowd(world: &mut World, key: stt_dht::Key, readers: usize) -> usize {
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
    let found = |(reader, query): &(MemberId, Option<stt_dht::QueryId>)| {
        query.is_some_and(|query| !world.found(*reader, query).is_empty())
    };
    let count = asked.iter().filter(|asked| found(asked)).count();
    world.forget_results();
    count
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

/// Whether a member holds a record under a key.
pub fn holds(world: &mut World, slot: MemberId, key: stt_dht::Key) -> bool {
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
