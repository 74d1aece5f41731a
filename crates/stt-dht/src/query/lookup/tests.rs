//! Lookups against members that say anything at all.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use proptest::prelude::*;
use stt_wire::Addresses;

use super::*;

fn member(place: u16) -> (Contact, Key) {
    let mut node = [0; 32];
    node[..2].copy_from_slice(&place.to_be_bytes());
    let addresses = Addresses::from(std::net::SocketAddr::from(([127, 0, 0, 1], 4_000)));
    (Contact { node, addresses }, Key::from_bytes(node))
}

fn lookup(paths: u8, region: f64) -> Lookup {
    let config = Config {
        k: 5,
        alpha: 3,
        ..Config::default()
    };
    let shape = Shape {
        paths,
        region,
        ..Shape::new(&config, false)
    };
    Lookup::new(member(0).1, shape)
}

#[derive(Debug, Clone)]
enum Reply {
    Tells(Vec<u16>),
    Fails,
    IsSlow,
}

fn any_reply() -> impl Strategy<Value = Reply> {
    prop_oneof![
        4 => prop::collection::vec(any::<u16>(), 0..20).prop_map(Reply::Tells),
        1 => Just(Reply::Fails),
        1 => Just(Reply::IsSlow),
    ]
}

/// Runs a lookup against replies until nobody is asked any more, and returns whom it asked.
fn run(lookup: &mut Lookup, replies: &[Reply]) -> Vec<Key> {
    let (mut asked, mut slow) = (Vec::new(), Vec::new());
    lookup.begin((1..20).map(member));
    for turn in 0..10_000 {
        let Some(next) = lookup.next(|_| true, turn) else {
            let Some(late) = slow.pop() else {
                break;
            };
            lookup.failed(&late);
            continue;
        };
        asked.push(next.key);
        match &replies[turn as usize % replies.len()] {
            Reply::Tells(told) => lookup.answered(&next.key, told.iter().copied().map(member)),
            Reply::Fails => lookup.failed(&next.key),
            Reply::IsSlow => {
                lookup.slow(&next.key);
                slow.push(next.key);
            }
        }
    }
    asked
}

proptest! {
    #[test]
    fn lookup_ends_whatever_it_is_told(
        replies in prop::collection::vec(any_reply(), 1..40),
        paths in 1_u8..4,
        region in prop::sample::select(vec![0.0, 0.01, 0.5]),
    ) {
        let mut lookup = lookup(paths, region);
        let asked = run(&mut lookup, &replies);
        prop_assert!(asked.len() <= 200, "T5");
        prop_assert!(!lookup.is_waiting());
        let once: BTreeSet<_> = asked.iter().collect();
        prop_assert_eq!(once.len(), asked.len(), "T6");
        prop_assert!(lookup.candidates.len() <= MOST_KEPT);
        prop_assert!(lookup.is_settled() || lookup.requests == 200);
    }

    #[test]
    fn lookup_finds_the_closest_that_answer(places in prop::collection::btree_set(1_u16.., 30..300)) {
        let everybody: Vec<u16> = places.iter().copied().collect();
        let mut lookup = lookup(1, 0.0);
        lookup.begin(everybody.iter().rev().take(3).copied().map(member));
        let target = lookup.target;
        while let Some(next) = lookup.next(|_| true, 0) {
            // Each knows the members closest to the target that share its first bit with it, and a
            // few others: enough to go on.
            let mut known: Vec<_> = everybody.iter().copied().map(member).collect();
            known.sort_by_key(|(_, key)| target.distance(key));
            let half = known.len() / 2;
            let own = known.iter().position(|(_, key)| *key == next.key).unwrap_or(0);
            known.truncate(if own > half { half } else { 8 });
            lookup.answered(&next.key, known.into_iter().rev().take(8));
        }
        prop_assert!(lookup.is_settled());
        let found: Vec<_> = lookup.closest().map(|candidate| candidate.key).collect();
        let expected: Vec<_> = everybody.iter().take(5).map(|place| member(*place).1).collect();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn paths_share_nobody_who_is_asked() {
    let mut lookup = lookup(3, 0.0);
    lookup.shape.must_answer = 5;
    lookup.begin((1..20).map(member));
    let mut paths = [const { Vec::new() }; 3];
    for turn in 0..200 {
        let Some(next) = lookup.next(|_| true, turn) else {
            break;
        };
        let path = lookup.find(&next.key).unwrap().asked_on.unwrap();
        paths[usize::from(path)].push(next.key);
        lookup.answered(&next.key, (1..40).map(member));
    }
    let all: BTreeSet<_> = paths.iter().flatten().collect();
    assert_eq!(all.len(), paths.iter().map(Vec::len).sum::<usize>());
    assert!(paths.iter().all(|path| path.len() >= 2));
}

#[test]
fn who_is_vouched_for_is_not_asked_until_somebody_fails() {
    let asked = |failing: bool| {
        let mut lookup = lookup(1, 0.0);
        lookup.begin((1..4).map(member));
        let mut count = 0;
        while let Some(next) = lookup.next(|_| true, 0) {
            count += 1;
            if failing && (count == 3 || count == 4) {
                lookup.failed(&next.key);
            } else {
                lookup.answered(&next.key, (1..9).map(member));
            }
        }
        assert!(lookup.is_settled());
        (count, lookup.closest().count())
    };
    let (lean, found) = asked(false);
    assert_eq!(found, 5);
    assert!(lean < 5, "{lean}");
    assert_eq!(asked(true), (7, 5));
}

#[test]
fn who_tells_of_members_that_are_not_there_is_not_listened_to() {
    let asked = |blames: bool| {
        let mut lookup = lookup(1, 0.0);
        lookup.shape.blames = blames;
        lookup.begin((100..120).map(member));
        let liar = member(100).1;
        let mut in_vain = 0;
        while let Some(next) = lookup.next(|_| true, 0) {
            match next.key.cmp(&liar) {
                Ordering::Equal => lookup.answered(&next.key, (1..20).map(member)),
                Ordering::Greater => lookup.answered(&next.key, (100..120).map(member)),
                Ordering::Less => {
                    in_vain += 1;
                    lookup.failed(&next.key);
                }
            }
        }
        in_vain
    };
    assert!(asked(false) >= 12);
    assert!(asked(true) <= usize::from(BLAMED) + 3);
}

#[test]
fn members_that_are_made_up_make_room_for_others_however_close_they_are() {
    let mut lookup = lookup(1, 1e-9);
    let honest = [member(60_000), member(60_001)];
    let liars: Vec<_> = (50_000..50_009).map(member).collect();
    lookup.begin(honest.into_iter().chain(liars.clone()));
    // What the honest two tell of is farther away than all that the liars make up.
    for (place, (_, key)) in (0..).zip(honest) {
        let first = 40_000 + 5 * place;
        lookup.answered(&key, (first..first + 5).map(member));
    }
    for (place, (_, key)) in (0..).zip(&liars) {
        let first = 1 + 20 * place;
        lookup.answered(key, (first..first + 20).map(member));
    }
    assert_eq!(lookup.candidates.len(), MOST_KEPT);
    assert!((40_000..40_010).all(|place| lookup.find(&member(place).1).is_some()));
}

#[test]
fn few_sessions_are_dialled_at_once_and_warm_ones_come_first() {
    let mut lookup = lookup(1, 0.0);
    lookup.shape.cold_alpha = 1;
    lookup.begin((1..10).map(member));
    let is_warm = |contact: &Contact| contact.node[1] == 2;
    let first = lookup.next(is_warm, 0).unwrap();
    assert_eq!((first.key, first.is_cold), (member(2).1, false));
    let second = lookup.next(is_warm, 0).unwrap();
    assert_eq!((second.key, second.is_cold), (member(1).1, true));
    assert_eq!(lookup.next(is_warm, 0), None);
    lookup.slow(&second.key);
    assert!(lookup.next(is_warm, 0).is_some());
}
