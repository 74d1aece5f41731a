//! A key that everybody wants, and members that flood others.

use std::time::Duration;

use stt_dht::{Config, Defence};
use stt_dht_sim::scenario::{config, config_without, load, providers};
use stt_dht_sim::{Quantiles, World};

/// Everybody wants one key within a minute; what each member had to serve.
fn wanted_by_all(config: Config) -> Quantiles {
    let mut world = World::settled(1, 1_000, config);
    world.run(Duration::from_secs(180));
    let (contents, _) = providers::announce(&mut world, 1);
    let before = load::serving(&world);
    let found = load::crowd(&mut world, contents[0].key, 1_000);
    assert_eq!(found, 1_000);
    load::served(&world, &before)
}

#[test]
fn key_in_demand_is_served_by_many() {
    let served = wanted_by_all(config());
    assert!(served.at(1.0) <= 20.0 * served.at(0.5), "{served}");
    let without = wanted_by_all(config_without(Defence::Caching));
    assert!(
        without.at(1.0) > 1.3 * served.at(1.0),
        "{without} against {served}"
    );
}

/// Ten members fill another's store as fast as they can; how many of the contents of others that it
/// held are still found with it.
fn flooded(mut config: Config) -> (usize, usize) {
    config.records = 2_000;
    let mut world = World::settled(1, 100, config);
    world.run(Duration::from_secs(180));
    let victim = world.somebody();
    for round in 0..10 {
        let flooder = world.somebody();
        load::flood(&mut world, flooder, victim, 40 + round);
    }
    let held = world.engine(victim).map_or(0, |engine| engine.held().0);
    let (contents, _) = providers::announce(&mut world, 100);
    let kept = contents
        .iter()
        .filter(|content| load::holds(&mut world, victim, content.key));
    (held, kept.count())
}

#[test]
fn flood_of_records_leaves_room_for_others() {
    let (held, kept) = flooded(config());
    assert!(held <= 2_000);
    let (_, without) = flooded(config_without(Defence::Quotas));
    assert!(kept > 10 && without == 0, "{kept} against {without}");
}
