//! Members that lie.

use std::time::Duration;

use stt_dht::{Config, Defence};
use stt_dht_sim::Villain;
use stt_dht_sim::scenario::hostile::{Homes, mixed, targeted};
use stt_dht_sim::scenario::{Tally, config, config_without, load, providers};

const MINUTE: Duration = Duration::from_secs(60);

/// A fifth of the members is hostile; what announcing and finding are like.
fn among_a_fifth(config: Config, villain: Villain) -> (Tally, Tally) {
    let mut world = mixed(1, 400, config, 0.2, villain);
    world.run(3 * MINUTE);
    let (contents, announced) = providers::announce(&mut world, 100);
    (announced, providers::find(&mut world, &contents, 3))
}

#[test]
fn a_fifth_of_hostile_members_hides_nothing() {
    let villains = [
        Villain::Colludes,
        Villain::ProvidesFalsely,
        Villain::Invents,
        Villain::IsSlow,
        Villain::Forges,
    ];
    for villain in villains {
        let (announced, found) = among_a_fifth(config(), villain);
        assert!(announced.success() >= 0.95, "{villain:?}: {announced}");
        assert!(
            found.asked > 200 && found.success() >= 0.999,
            "{villain:?}: {found}"
        );
        assert_eq!(announced.endless + found.endless, 0, "{villain:?}");
        assert!(
            announced.longest <= Duration::from_secs(30),
            "{villain:?}: {announced}"
        );
    }
}

#[test]
fn who_tells_of_members_that_do_not_exist_is_soon_ignored() {
    let (announced, _) = among_a_fifth(config(), Villain::Invents);
    let (without, _) = among_a_fifth(config_without(Defence::Blame), Villain::Invents);
    assert!(
        without.requests.mean() > 1.25 * announced.requests.mean(),
        "{without} {announced}"
    );
}

/// Names ground to lie around one key; how many readers find who truly has it.
fn around_one_key(seed: u64, config: &Config, count: u32, homes: Homes) -> Tally {
    let villain = Villain::ProvidesFalsely;
    let (mut world, key) = targeted(seed, 1_000, config.clone(), count, villain, homes);
    world.run(3 * MINUTE);
    let (contents, _) = providers::announce_keys(&mut world, &[key]);
    providers::find(&mut world, &contents, 100)
}

#[test]
fn a_hundred_names_ground_around_a_key_do_not_hide_it() {
    for seed in 1..4 {
        let found = around_one_key(seed, &config(), 100, Homes::Many);
        assert!(found.success() >= 0.99, "seed {seed}: {found}");
    }
    let without = around_one_key(1, &config_without(Defence::Region), 100, Homes::Many);
    assert!(without.success() < 0.2, "{without}");
}

#[test]
fn any_number_of_names_in_two_networks_does_not_hide_a_key() {
    let found = around_one_key(3, &config(), 400, Homes::Two);
    assert!(found.success() >= 0.99, "{found}");
    let without = around_one_key(3, &config_without(Defence::Diversity), 400, Homes::Two);
    assert!(without.success() < 0.6, "{without}");
}

/// Four hundred accomplices around one key, who claim to hold what is put there. How many of the honest
/// members hold it, with several seeds together.
fn holders_among_accomplices(config: &Config) -> usize {
    let holders = (0..5).map(|seed| {
        let villain = Villain::Colludes;
        let (mut world, key) = targeted(seed, 1_000, config.clone(), 400, villain, Homes::Many);
        world.run(3 * MINUTE);
        let (contents, _) = providers::announce_keys(&mut world, &[key]);
        load::holders(&mut world, contents[0].key)
    });
    holders.sum()
}

#[test]
fn liars_on_one_path_do_not_keep_a_record_from_those_on_the_others() {
    let holders = holders_among_accomplices(&config());
    let without = holders_among_accomplices(&config_without(Defence::DisjointPaths));
    assert!(2 * holders > 3 * without, "{holders} against {without}");
}
