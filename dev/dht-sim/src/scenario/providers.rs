//! Announcing content, and finding whoever has it.

use std::time::Duration;

use bytes::Bytes;
use stt_dht::{Found, Key, QueryId};
use stt_wire::RecordKind;

use super::Tally;
use crate::world::{MemberId, World};

/// Content that somebody has announced.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what a scenario needs to remember"
)]
pub struct Content {
    /// Its key.
    pub key: Key,
    /// Who has it.
    pub provider: MemberId,
    /// The provider's name: its slot may have another member by now.
    pub node: [u8; 32],
}

/// Has members by chance announce contents with keys by chance.
pub fn announce(world: &mut World, count: usize) -> (Vec<Content>, Tally) {
    let keys: Vec<_> = (0..count)
        .map(|_| Key::from_bytes(world.rng().bytes()))
        .collect();
    announce_keys(world, &keys)
}

/// Has members by chance announce contents.
pub fn announce_keys(world: &mut World, keys: &[Key]) -> (Vec<Content>, Tally) {
    let mut tally = Tally::default();
    let mut contents = Vec::new();
    let mut queries: Vec<(MemberId, Option<QueryId>)> = Vec::new();
    for key in keys {
        let provider = world.somebody();
        let node = world.contact(provider).node;
        let query = announce_at(world, provider, *key);
        contents.push(Content {
            key: *key,
            provider,
            node,
        });
        queries.push((provider, query));
        world.run(Duration::from_millis(20));
    }
    world.run(Duration::from_secs(35));
    for (provider, query) in queries {
        let ended = query.and_then(|query| world.take_ended(provider, query));
        let is_held = ended
            .as_ref()
            .is_some_and(|ended| matches!(ended.result, Ok(Found::Held { .. })));
        tally.add(ended.as_ref(), is_held);
    }
    world.forget_results();
    (contents, tally)
}

/// Has one member announce contents with keys by chance. It stays while others go.
pub fn announce_by_one_who_stays(world: &mut World, count: usize) -> Vec<Content> {
    let provider = world.somebody();
    let node = world.contact(provider).node;
    world.set_stays(provider);
    let mut contents = Vec::new();
    for _ in 0..count {
        let key = Key::from_bytes(world.rng().bytes());
        announce_at(world, provider, key);
        contents.push(Content {
            key,
            provider,
            node,
        });
        world.run(Duration::from_millis(500));
    }
    world.run(Duration::from_secs(30));
    world.forget_results();
    contents
}

/// Those contents whose providers are there.
pub fn alive(world: &World, contents: &[Content]) -> Vec<Content> {
    let is_there = |content: &&Content| {
        world.engine(content.provider).is_some()
            && world.contact(content.provider).node == content.node
    };
    contents.iter().filter(is_there).copied().collect()
}

/// Has one member announce content, from now on.
pub fn announce_at(world: &mut World, provider: MemberId, key: Key) -> Option<QueryId> {
    let (kind, sealed) = (RecordKind::PROVIDER, Bytes::from_static(&[7; 100]));
    world.command(provider, |engine, now, rng| {
        engine.announce(now, key, kind, sealed, rng)
    })
}

/// Has a provider announce a content no longer.
pub fn let_lapse(world: &mut World, content: &Content) {
    world.command(content.provider, |engine, _, _| {
        engine.let_lapse(content.key, RecordKind::PROVIDER);
    });
}

/// Members by chance look for contents until they have found who truly has it; those whose provider
/// has gone are not asked for.
pub fn find(world: &mut World, contents: &[Content], readers: usize) -> Tally {
    let mut tally = Tally::default();
    let mut asked = Vec::new();
    for content in alive(world, contents) {
        for _ in 0..readers {
            let reader = world.somebody();
            let begun = world.elapsed();
            let query = world.command(reader, |engine, now, rng| {
                engine.find_providers(now, content.key, usize::MAX, rng)
            });
            let node = world.contact(reader).node;
            asked.push(Reading {
                content,
                reader,
                node,
                query,
                begun,
                found: None,
            });
        }
        world.run(Duration::from_millis(50));
        watch(world, &mut asked);
    }
    for _ in 0..350 {
        world.run(Duration::from_millis(100));
        watch(world, &mut asked);
    }
    for reading in asked {
        reading.judge(world, &mut tally);
    }
    world.forget_results();
    tally
}

#[derive(Debug)]
struct Reading {
    content: Content,
    reader: MemberId,
    node: [u8; 32],
    query: Option<QueryId>,
    begun: Duration,
    found: Option<Duration>,
}

/// Whoever has found the true provider needs no more: it stops, as a reader would.
fn watch(world: &mut World, asked: &mut [Reading]) {
    for reading in asked.iter_mut().filter(|reading| reading.found.is_none()) {
        let Some(query) = reading.query else {
            continue;
        };
        if world
            .found(reading.reader, query)
            .contains(&reading.content.node)
        {
            reading.found = Some(world.elapsed());
            world.command(reading.reader, |engine, _, _| engine.cancel(query));
        }
    }
}

impl Reading {
    fn judge(self, world: &mut World, tally: &mut Tally) {
        if world.contact(self.reader).node != self.node {
            return;
        }
        if let Some(found) = self.found {
            tally.asked += 1;
            tally.good += 1;
            tally
                .time_ms
                .add(found.saturating_sub(self.begun).as_secs_f64() * 1_000.0);
            return;
        }
        let ended = self
            .query
            .and_then(|query| world.take_ended(self.reader, query));
        tally.add(ended.as_ref(), false);
    }
}
