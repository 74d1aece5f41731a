//! Finding the members closest to a key, in a settled world.

use std::collections::BTreeSet;
use std::time::Duration;

use stt_dht::{Found, Key, QueryId};
use stt_wire::Contact;

use super::Tally;
use crate::world::{MemberId, World};

/// Whether those who ask have sessions with everybody, or only what their pool holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there are two ways to measure")]
pub enum Sessions {
    /// With everybody.
    Warm,
    /// With those of their pool.
    Pooled,
}

/// Members by chance that are going to ask.
pub fn askers(world: &mut World, count: usize, sessions: Sessions) -> Vec<MemberId> {
    let askers: Vec<MemberId> = (0..count).map(|_| world.somebody()).collect();
    if sessions == Sessions::Warm {
        for asker in &askers {
            world.connect_to_all(*asker);
        }
    }
    askers
}

/// Ends one of ten members at once, but for those that are going to ask.
pub fn make_stale(world: &mut World, askers: &[MemberId]) {
    let count = world.alive().count() / 10;
    let mut ended = 0;
    while ended < count {
        let slot = world.somebody();
        if !askers.contains(&slot) {
            world.kill(slot);
            ended += 1;
        }
    }
}

/// Members ask for random keys, one at a time each.
pub fn find_closest(world: &mut World, askers: &[MemberId], rounds: usize) -> Tally {
    let mut tally = Tally::default();
    for _ in 0..rounds {
        let begin = |world: &mut World, asker: MemberId| {
            let key = Key::from_bytes(world.rng().bytes());
            let query = world.command(asker, |engine, now, rng| engine.find_closest(now, key, rng));
            (asker, key, query)
        };
        let asked: Vec<_> = askers.iter().map(|asker| begin(world, *asker)).collect();
        world.run(Duration::from_secs(35));
        for (asker, key, query) in asked {
            judge(world, &mut tally, asker, key, query);
        }
        world.forget_results();
    }
    tally
}

fn judge(world: &mut World, tally: &mut Tally, asker: MemberId, key: Key, query: Option<QueryId>) {
    let ended = query.and_then(|query| world.take_ended(asker, query));
    let found = match ended.as_ref().map(|ended| &ended.result) {
        Some(Ok(Found::Members(found))) => found.as_slice(),
        _ => &[],
    };
    let overlap = overlap(world, asker, key, found);
    tally.overlap.add(overlap);
    tally.add(ended.as_ref(), overlap >= 0.9);
}

/// The part of the 20 closest that was found.
fn overlap(world: &World, asker: MemberId, key: Key, found: &[Contact]) -> f64 {
    let others = world.alive().filter(|slot| *slot != asker);
    let mut all: Vec<[u8; 32]> = others.map(|slot| world.contact(slot).node).collect();
    let distance = |node: &[u8; 32]| key.distance(&Key::from_bytes(*node));
    let count = 20.min(all.len());
    if all.len() > count {
        all.select_nth_unstable_by_key(count, distance);
        all.truncate(count);
    }
    let found: BTreeSet<_> = found.iter().map(|contact| contact.node).collect();
    all.iter().filter(|node| found.contains(*node)).count() as f64 / count.max(1) as f64
}
