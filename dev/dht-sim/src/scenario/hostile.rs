//! Worlds with hostile members in them.

use stt_dht::{Config, Key};

use crate::population::{at, at_home};
use crate::villain::Villain;
use crate::world::World;

/// A settled world in which a share of the members is hostile.
pub fn mixed(seed: u64, count: u32, config: Config, share: f64, villain: Villain) -> World {
    let mut world = World::empty(seed, config);
    for slot in 0..count {
        let node = world.next_name(None);
        let is_hostile = world.rng().unit() < share;
        world.add(at_home(slot, node), is_hostile.then_some(villain));
    }
    world.acquaint();
    world
}

/// Where the hostile members of [`targeted`] live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there are two ways to attack")]
pub enum Homes {
    /// Each in a network of its own.
    Many,
    /// All in two.
    Two,
}

/// A settled world, and in it `count` hostile members whose names were ground to lie around one key.
pub fn targeted(
    seed: u64,
    honest: u32,
    config: Config,
    count: u32,
    villain: Villain,
    homes: Homes,
) -> (World, Key) {
    let mut world = World::empty(seed, config);
    let key = world.rng().bytes();
    for slot in 0..honest + count {
        let is_hostile = slot >= honest;
        let node = world.next_name(is_hostile.then_some(key));
        let contact = match homes {
            Homes::Two if is_hostile => at(node, [12, 0, (slot % 2) as u8, slot as u8]),
            _ => at_home(slot, node),
        };
        world.add(contact, is_hostile.then_some(villain));
    }
    world.acquaint();
    (world, Key::from_bytes(key))
}
