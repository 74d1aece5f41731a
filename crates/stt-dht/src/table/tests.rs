//! The table against an oracle that sorts everything, and its invariants after any operations.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use stt_wire::Addresses;

use super::*;

const K: usize = 4;

/// A member whose place begins with `place`, at an address of network `network`.
fn member(place: u16, network: u8) -> (Contact, Key) {
    let mut node = [0; 32];
    node[..2].copy_from_slice(&place.to_be_bytes());
    let ip = std::net::Ipv4Addr::new(11, 0, network, place as u8);
    let addresses = Addresses::from(std::net::SocketAddr::from((ip, 4_000)));
    (Contact { node, addresses }, Key::from_bytes(node))
}

fn own() -> Key {
    member(0, 0).1
}

fn table() -> Table {
    Table::new(own(), K, Defences::default())
}

fn at(seconds: u64) -> Moment {
    Moment::after(Duration::from_secs(seconds))
}

#[derive(Debug, Clone)]
enum Step {
    Answers(u16, u8),
    Fails(u16),
    Leaves(u16),
}

fn any_step() -> impl Strategy<Value = Step> {
    let place = prop_oneof![0_u16..64, any::<u16>()];
    prop_oneof![
        3 => (place.clone(), 0_u8..6).prop_map(|(place, network)| Step::Answers(place, network)),
        1 => place.clone().prop_map(Step::Fails),
        1 => place.prop_map(Step::Leaves),
    ]
}

fn assert_invariants(table: &Table) {
    for (shared, bucket) in table.buckets.iter().enumerate() {
        assert!(bucket.len() <= K, "T3");
        for entry in bucket.entries() {
            assert_ne!(entry.key, own(), "T1");
            assert_eq!(own().shared_bits(&entry.key), shared, "T2");
            let network = Network::of(&entry.contact);
            let same = |other: &&Entry| Network::of(&other.contact) == network;
            assert!(
                bucket.entries().iter().filter(same).count() <= IN_BUCKET,
                "T3"
            );
            assert!(table.entries().filter(same).count() <= IN_TABLE, "T3");
        }
    }
    let mut keys: Vec<_> = table.entries().map(|entry| entry.key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), table.len(), "nobody is there twice");
    let networks = table.entries().filter_map(|entry| entry.network);
    let mut crowds = Crowds::default();
    networks.for_each(|network| crowds.join(Some(network)));
    assert_eq!(
        table.crowds.0, crowds.0,
        "members of each network are counted"
    );
}

proptest! {
    #[test]
    fn table_keeps_its_invariants_whatever_happens(steps in prop::collection::vec(any_step(), 0..300)) {
        let mut table = table();
        for (second, step) in (0..).zip(steps) {
            match step {
                Step::Answers(place, network) => {
                    let (contact, key) = member(place, network);
                    table.insert(at(second), contact, key);
                }
                Step::Fails(place) => drop(table.strike(at(second), &member(place, 0).1)),
                Step::Leaves(place) => drop(table.remove(&member(place, 0).1)),
            }
            assert_invariants(&table);
        }
    }

    #[test]
    fn closest_are_those_that_sorting_everything_finds(
        places in prop::collection::btree_set(1_u16.., 0..200),
        target: u16,
        count in 1_usize..30,
    ) {
        let mut table = Table::new(own(), 20, Defences::default().without(Defence::Diversity));
        for place in places {
            let (contact, key) = member(place, 0);
            table.insert(at(0), contact, key);
        }
        let target = member(target, 0).1;
        let sorted: BTreeMap<_, _> =
            table.entries().map(|entry| (target.distance(&entry.key), entry.key)).collect();
        let expected: Vec<_> = sorted.values().take(count).copied().collect();
        let mut found = table.closest(&target, count, |_| true);
        found.sort_by_key(|entry| target.distance(&entry.key));
        prop_assert_eq!(found.iter().map(|entry| entry.key).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn members_that_are_near_are_the_closest_to_us(
        places in prop::collection::btree_set(1_u16.., 0..100),
        count in 1_usize..30,
    ) {
        let mut table = table();
        for place in places {
            let (contact, key) = member(place, place as u8);
            table.insert(at(0), contact, key);
        }
        let near = table.closest(&own(), count, |_| true);
        for entry in table.entries() {
            let is_near = near.iter().any(|near| near.key == entry.key);
            prop_assert_eq!(table.is_near(&entry.key, count), is_near);
        }
    }
}

/// Members of one bucket, each in a network of its own.
fn crowd(count: u8) -> impl Iterator<Item = (Contact, Key)> {
    (0..count).map(|number| member(0x8000 + u16::from(number), number))
}

#[test]
fn member_that_answers_is_never_displaced() {
    let mut table = table();
    for (contact, key) in crowd(30) {
        table.insert(at(0), contact, key);
    }
    let expected: Vec<_> = crowd(K as u8).map(|(_, key)| key).collect();
    assert_eq!(
        table.entries().map(|entry| entry.key).collect::<Vec<_>>(),
        expected
    );
}

#[test]
fn member_that_fails_twice_gives_its_place_to_the_latest_in_reserve() {
    let mut table = table();
    for (contact, key) in crowd(K as u8 + 3) {
        table.insert(at(1), contact, key);
    }
    let (_, failing) = member(0x8000, 0);
    assert!(!table.strike(at(1), &failing));
    assert!(table.strike(at(2), &failing));
    let latest = member(0x8000 + K as u16 + 2, 0).1;
    assert!(table.known(&failing).is_none() && table.known(&latest).is_some());
    assert_eq!(table.len(), K);
}

#[test]
fn answer_forgives_a_failure() {
    let mut table = table();
    let (contact, key) = member(0x8000, 0);
    table.insert(at(1), contact, key);
    for second in 1..10 {
        assert!(!table.strike(at(second), &key));
        table.show(at(second), &key);
    }
    assert!(table.known(&key).is_some_and(Entry::is_well));
}

#[test]
fn one_network_gets_two_places_of_a_bucket() {
    let (mut table, mut open) = (
        table(),
        Table::new(own(), K, Defences::default().without(Defence::Diversity)),
    );
    for (contact, key) in (0..K as u16).map(|number| member(0x8000 + number, 7)) {
        table.insert(at(0), contact, key);
        open.insert(at(0), contact, key);
    }
    assert_eq!((table.len(), open.len()), (IN_BUCKET, K));
}

#[test]
fn member_from_the_reserve_leaves_with_the_first_failure_unless_it_has_answered() {
    let mut table = table();
    for (contact, key) in crowd(K as u8 + 2) {
        table.insert(at(1), contact, key);
    }
    let (failing, promoted) = (member(0x8000, 0).1, member(0x8000 + K as u16 + 1, 0).1);
    assert!(table.remove(&failing));
    assert!(table.known(&promoted).is_some());
    let is_counted = table.strike(at(2), &promoted);
    assert!(!is_counted && table.known(&promoted).is_none());
    // The next one answers, and may fail once from then on.
    let next = member(0x8000 + K as u16, 0).1;
    table.show(at(3), &next);
    assert!(!table.strike(at(4), &next) && table.known(&next).is_some());
    assert!(table.strike(at(5), &next));
}

#[test]
fn member_in_doubt_is_dropped_with_the_next_failure() {
    let mut table = table();
    let (contact, key) = member(0x8000, 0);
    table.insert(at(1), contact, key);
    table.doubt(&key);
    assert!(table.known(&key).is_some_and(|entry| !entry.is_well()));
    assert!(table.strike(at(2), &key) && table.known(&key).is_none());
}
