//! Members that vanish, a network that falls apart, clocks that are wrong.

use std::time::Duration;

use crate::world::World;

/// Ends a share of the members at once. None of them takes leave.
pub fn kill(world: &mut World, share: f64) {
    let count = world.alive().count() as f64 * share;
    let mut ended = 0.0;
    while ended < count {
        let slot = world.somebody();
        world.kill(slot);
        ended += 1.0;
    }
}

/// Cuts the world in two halves, and lets some time pass.
pub fn split(world: &mut World, time: Duration) {
    let half = world.alive().count() as u32 / 2;
    world.set_split(Some(half));
    world.run(time);
}

/// Everybody can reach everybody again.
pub const fn heal(world: &mut World) {
    world.set_split(None);
}

/// Sets the clocks of half of the members 10 minutes ahead, and of the others 10 minutes behind.
pub fn skew(world: &mut World) {
    let all: Vec<_> = world.alive().collect();
    for slot in all {
        world.set_skew(slot, if slot % 2 == 0 { 600 } else { -600 });
    }
}
