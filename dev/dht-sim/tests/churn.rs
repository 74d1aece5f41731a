//! Members that come and go, vanish, are cut off from each other, or have wrong clocks.

use std::time::Duration;

use stt_dht::{Config, Defence};
use stt_dht_sim::World;
use stt_dht_sim::scenario::lookups::{Sessions, askers, find_closest};
use stt_dht_sim::scenario::{Tally, config, config_without, providers, trouble};

const MINUTE: Duration = Duration::from_secs(60);

fn churning(config: Config, stay: Duration) -> World {
    let mut world = World::settled(1, 300, config);
    world.set_mean_stay(stay);
    world.run(10 * MINUTE);
    world
}

#[test]
fn content_is_found_while_members_stay_for_half_an_hour() {
    let mut world = churning(config(), 30 * MINUTE);
    let (contents, _) = providers::announce(&mut world, 100);
    world.run(5 * MINUTE);
    let found = providers::find(&mut world, &contents, 3);
    assert!(found.asked > 150 && found.success() >= 0.999, "{found}");
}

/// The provider stays, all others go after ten minutes, and nobody announces again for hours.
fn after_most_holders_have_gone(seed: u64, mut config: Config) -> Tally {
    config.least_republish = 120 * MINUTE;
    let mut world = World::settled(seed, 200, config);
    world.set_mean_stay(10 * MINUTE);
    world.run(5 * MINUTE);
    let contents = providers::announce_by_one_who_stays(&mut world, 40);
    world.run(40 * MINUTE);
    providers::find(&mut world, &contents, 2)
}

#[test]
fn records_outlive_their_holders_because_they_are_handed_over() {
    for seed in 1..4 {
        let found = after_most_holders_have_gone(seed, config());
        assert!(found.success() >= 0.95, "seed {seed}: {found}");
    }
    let without = after_most_holders_have_gone(1, config_without(Defence::Handover));
    assert!(without.success() < 0.75, "{without}");
}

/// What lookups are like some minutes after half of the members have vanished.
fn after_half_have_vanished(config: Config) -> (Tally, Tally) {
    let mut world = World::settled(1, 600, config);
    world.run(3 * MINUTE);
    let (contents, _) = providers::announce(&mut world, 60);
    trouble::kill(&mut world, 0.5);
    let alive = providers::alive(&world, &contents);
    let at_once = providers::find(&mut world, &alive, 2);
    world.run(30 * MINUTE);
    let askers = askers(&mut world, 50, Sessions::Pooled);
    (at_once, find_closest(&mut world, &askers, 2))
}

#[test]
fn half_of_the_members_may_vanish_at_once() {
    let (at_once, later) = after_half_have_vanished(config());
    assert!(at_once.success() >= 0.99, "{at_once}");
    assert!(later.overlap.mean() >= 0.98, "{later}");
    let (_, without) = after_half_have_vanished(config_without(Defence::Eviction));
    assert!(
        without.time_ms.at(0.5) > 1.5 * later.time_ms.at(0.5),
        "{without} against {later}"
    );
}

#[test]
fn halves_that_were_apart_find_each_others_content_again() {
    let mut world = World::settled(1, 300, config());
    world.run(3 * MINUTE);
    trouble::split(&mut world, 10 * MINUTE);
    let (contents, announced) = providers::announce(&mut world, 60);
    assert!(announced.success() >= 0.99, "{announced}");
    trouble::heal(&mut world);
    world.run(20 * MINUTE);
    let found = providers::find(&mut world, &contents, 2);
    assert!(found.success() >= 0.99, "{found}");
}

/// Half of the clocks are 10 minutes ahead, the others behind. What is announced is found at once, and
/// long after it would have ended if it had not been announced again and again.
#[test]
fn clocks_that_are_ten_minutes_wrong_do_not_matter() {
    let mut world = World::settled(1, 200, config());
    trouble::skew(&mut world);
    world.set_mean_stay(30 * MINUTE);
    world.run(5 * MINUTE);
    let contents = providers::announce_by_one_who_stays(&mut world, 40);
    let found = providers::find(&mut world, &contents, 2);
    assert_eq!(found.good, found.asked, "{found}");
    let (lapsing, kept) = contents.split_at(15);
    for content in lapsing {
        providers::let_lapse(&mut world, content);
    }
    world.run(200 * MINUTE);
    let renewed = providers::find(&mut world, kept, 2);
    assert_eq!(renewed.good, renewed.asked, "{renewed}");
    let lapsed = providers::find(&mut world, lapsing, 2);
    assert_eq!(lapsed.good, 0, "{lapsed}");
}
