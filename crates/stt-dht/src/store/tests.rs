//! What is held stays within bounds, ends in time, and no flood pushes others out.

use bytes::Bytes;
use proptest::prelude::*;
use stt_wire::VarInt;

use super::*;

const TODAY: u64 = 1_800_000_000;

fn record(key: u16, node: u16, issued: u64, lifetime: u64) -> Record {
    let wide = |number: u16| {
        let mut bytes = [0; 32];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        bytes
    };
    Record {
        kind: RecordKind::PROVIDER,
        key: wide(key),
        node: wide(node),
        issued: VarInt::saturating(issued),
        lifetime: VarInt::saturating(lifetime),
        sealed: Bytes::new(),
        signature: [0; 64],
    }
}

fn now(seconds: u64) -> Now {
    Now {
        moment: Moment::after(Duration::from_secs(seconds)),
        unix: TODAY + seconds,
    }
}

fn small() -> Config {
    Config {
        records: 50,
        records_a_key: 8,
        cached_records: 5,
        ..Config::default()
    }
}

fn found(store: &Store, now: Now, key: u16) -> usize {
    let key = Key::from_bytes(record(key, 0, 0, 0).key);
    store
        .find(now, &key, RecordKind::PROVIDER, 100, [7; 32])
        .len()
}

fn put(store: &mut Store, second: u64, record: Record) -> PutOutcome {
    store.put(now(second), &small(), record, false)
}

proptest! {
    #[test]
    fn store_stays_within_its_bounds_whatever_comes(
        puts in prop::collection::vec((0_u16..40, 0_u16..40, 0_u64..5_000, 0_u64..5_000, any::<bool>()), 0..400)
    ) {
        let (mut store, config) = (Store::default(), small());
        for (second, (key, node, issued, lifetime, is_cached)) in (0..).zip(puts) {
            let record = record(key, node, TODAY + issued, lifetime);
            store.put(now(second), &config, record, is_cached);
            prop_assert!(store.held.len() <= config.records && store.cached <= config.cached_records);
            prop_assert!(found(&store, now(second), key) <= config.records_a_key);
            let counted: usize = store.signers.values().map(BTreeSet::len).sum();
            prop_assert_eq!(counted, store.held.len());
            prop_assert_eq!(store.ranks.len(), store.signers.len());
            let bytes: usize = store.held.values().map(|held| size_of(&held.record)).sum();
            prop_assert_eq!(bytes, store.bytes);
        }
        store.expire(now(200_000).moment);
        prop_assert_eq!((store.len(), store.bytes(), store.cached), (0, 0, 0));
    }
}

#[test]
fn record_is_not_given_out_after_its_end() {
    let mut store = Store::default();
    assert_eq!(
        put(&mut store, 0, record(1, 1, TODAY, 600)),
        PutOutcome::HELD
    );
    assert_eq!(found(&store, now(599), 1), 1);
    assert_eq!(found(&store, now(600), 1), 0);
}

#[test]
fn clocks_that_are_ten_minutes_wrong_do_no_harm() {
    for skew in [-600_i64, 600] {
        let mut store = Store::default();
        let issued = TODAY.checked_add_signed(skew).unwrap();
        assert_eq!(
            put(&mut store, 0, record(1, 1, issued, 900)),
            PutOutcome::HELD
        );
        assert_eq!(found(&store, now(890), 1), 1);
    }
    let mut store = Store::default();
    let tomorrow = record(1, 1, TODAY + 86_400, 900);
    assert_eq!(put(&mut store, 0, tomorrow), PutOutcome::BAD_TIME);
    let old = record(1, 1, TODAY - 86_400, 900);
    assert_eq!(put(&mut store, 0, old), PutOutcome::BAD_TIME);
    let endless = record(1, 1, TODAY, LONGEST + 1);
    assert_eq!(put(&mut store, 0, endless), PutOutcome::BAD_TIME);
}

#[test]
fn withdrawal_outlives_what_it_withdraws() {
    let mut store = Store::default();
    let old = record(1, 1, TODAY, 3_600);
    put(&mut store, 0, old.clone());
    assert_eq!(
        put(&mut store, 1, record(1, 1, TODAY + 1, 0)),
        PutOutcome::HELD
    );
    assert_eq!(found(&store, now(2), 1), 0);
    assert_eq!(put(&mut store, 3_000, old), PutOutcome::NOT_NEWER);
}

#[test]
fn flood_of_one_signer_pushes_nobody_out() {
    let mut store = Store::default();
    for node in 0..10 {
        put(&mut store, 0, record(node, node, TODAY, 3_600));
    }
    for key in 0..500 {
        put(&mut store, 0, record(100 + key, 99, TODAY, 3_600));
    }
    assert!((0..10).all(|key| found(&store, now(1), key) == 1));
    // And who comes later finds room all the same.
    assert_eq!(
        put(&mut store, 1, record(20, 20, TODAY, 3_600)),
        PutOutcome::HELD
    );
    assert_eq!(store.len(), 50);
}

#[test]
fn signers_under_a_crowded_key_are_drawn_by_lot() {
    let (mut store, mut reversed) = (Store::default(), Store::default());
    for node in 0..100 {
        put(&mut store, 0, record(1, node, TODAY, 3_600));
        put(&mut reversed, 0, record(1, 99 - node, TODAY, 3_600));
    }
    let signers = |store: &Store| store.held.keys().copied().collect::<Vec<_>>();
    assert_eq!(signers(&store), signers(&reversed));
    assert_eq!(signers(&store).len(), 8);
}

#[test]
fn replica_is_not_shortened_by_a_copy() {
    let mut store = Store::default();
    put(&mut store, 0, record(1, 1, TODAY, 7_200));
    store.put(now(1), &small(), record(1, 1, TODAY + 1, 7_200), true);
    assert_eq!(found(&store, now(3_600), 1), 1);
    store.put(now(1), &small(), record(2, 2, TODAY, 7_200), true);
    assert_eq!(found(&store, now(500), 2), 1);
    assert_eq!(found(&store, now(700), 2), 0);
}
