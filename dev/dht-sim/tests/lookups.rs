//! Lookups at a tenth of the full size; the full figures are those of `cargo xtask long`.

use std::time::Duration;

use stt_dht::{Config, Defence};
use stt_dht_sim::World;
use stt_dht_sim::scenario::lookups::{Sessions, askers, find_closest, make_stale};
use stt_dht_sim::scenario::{Tally, config, config_without, providers};

fn settled(config: Config) -> World {
    let mut world = World::settled(1, 1_000, config);
    world.run(Duration::from_secs(180));
    world
}

fn asked(sessions: Sessions) -> Tally {
    let mut world = settled(config());
    let askers = askers(&mut world, 50, sessions);
    find_closest(&mut world, &askers, 2)
}

fn stale(config: Config) -> Tally {
    let mut world = settled(config);
    let askers = askers(&mut world, 50, Sessions::Warm);
    make_stale(&mut world, &askers);
    find_closest(&mut world, &askers, 2)
}

#[test]
fn warm_lookup_finds_the_closest_in_three_round_trips() {
    let tally = asked(Sessions::Warm);
    assert_eq!((tally.good, tally.endless), (100, 0), "{tally}");
    assert!(
        tally.time_ms.at(0.5) <= 450.0 && tally.time_ms.at(0.99) <= 800.0,
        "{tally}"
    );
    assert!(tally.requests.mean() <= 34.0, "{tally}");
}

#[test]
fn cold_lookup_dials_few_members() {
    let tally = asked(Sessions::Pooled);
    assert_eq!((tally.good, tally.endless), (100, 0), "{tally}");
    assert!(
        tally.time_ms.at(0.5) <= 900.0 && tally.time_ms.at(0.99) <= 1_600.0,
        "{tally}"
    );
    assert!(tally.dials.mean() <= 15.0, "{tally}");
}

#[test]
fn stale_entries_cost_little_because_waiting_follows_the_network() {
    let tally = stale(config());
    assert!(
        tally.time_ms.at(0.5) <= 700.0 && tally.time_ms.at(0.99) <= 1_500.0,
        "{tally}"
    );
    let without = stale(config_without(Defence::AdaptiveWaiting));
    assert!(without.time_ms.at(0.5) > 700.0, "{without}");
}

/// Everything that a run tells.
fn outcome(seed: u64, threads: usize) -> String {
    let mut world = World::settled(seed, 200, config());
    world.set_threads(threads);
    world.set_mean_stay(Duration::from_secs(600));
    world.run(Duration::from_secs(120));
    let (contents, announced) = providers::announce(&mut world, 20);
    let found = providers::find(&mut world, &contents, 1);
    let askers = askers(&mut world, 20, Sessions::Pooled);
    let tally = find_closest(&mut world, &askers, 1);
    format!("{announced}; {found}; {tally}; {:?}", world.traffic())
}

#[test]
fn one_seed_is_one_run() {
    assert_eq!(outcome(5, 1), outcome(5, 1));
    assert_ne!(outcome(5, 1), outcome(6, 1));
}

#[test]
fn number_of_threads_changes_nothing() {
    for seed in 1..4 {
        let one = outcome(seed, 1);
        assert_eq!(one, outcome(seed, 2), "seed {seed}");
        assert_eq!(one, outcome(seed, 5), "seed {seed}");
    }
}
