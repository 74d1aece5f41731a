//! The registry and the code are the same tables: `spec/registry` <-> the types of this crate.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops by panicking"
)]

use std::collections::BTreeMap;

use bytes::Bytes;
use stt_wire::{
    Declined, Direction, FrameType, ItemOutcome, Open, OpenError, PutOutcome, RawFrame, RecordKind,
    RegisteredClose, RegisteredStreamCode, StreamKind, Unreached, VarInt,
};

const LAW: [&str; 6] = [
    include_str!("../../../spec/wire.md"),
    include_str!("../../../spec/dht.md"),
    include_str!("../../../spec/relay.md"),
    include_str!("../../../spec/content.md"),
    include_str!("../../../spec/copies.md"),
    include_str!("../../../spec/feed.md"),
];
const FRAMES: &str = include_str!("../../../spec/registry/frames.toml");
const KINDS: &str = include_str!("../../../spec/registry/stream-kinds.toml");
const OUTCOMES: &str = include_str!("../../../spec/registry/item-outcomes.toml");
const DHT: &str = include_str!("../../../spec/registry/dht.toml");
const RELAY: &str = include_str!("../../../spec/registry/relay.toml");
const KEEP: &str = include_str!("../../../spec/registry/keep.toml");
const CODES: &str = include_str!("../../../spec/registry/close-codes.toml");

/// One `[[table]]` of a registry, its values as they are written.
type Row = BTreeMap<&'static str, &'static str>;

/// The rows of `table`. The registry uses no more of TOML than comments, tables and one-line
/// values; anything else stops the test.
fn rows(registry: &'static str, table: &str) -> Vec<Row> {
    let mut rows: Vec<(&str, Row)> = Vec::new();
    for line in registry
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        if let Some(name) = line
            .strip_prefix("[[")
            .and_then(|rest| rest.strip_suffix("]]"))
        {
            rows.push((name, Row::new()));
        } else {
            let (key, value) = line.split_once(" = ").expect("a key and a value");
            rows.last_mut().expect("a table above").1.insert(key, value);
        }
    }
    rows.into_iter()
        .filter(|(name, _)| *name == table)
        .map(|(_, row)| row)
        .collect()
}

/// Number to name, as the registry has it; no number twice.
fn names(rows: &[Row], number: &str) -> BTreeMap<u64, &'static str> {
    let names: BTreeMap<_, _> = rows
        .iter()
        .map(|row| (hex(row[number]), row["name"].trim_matches('"')))
        .collect();
    assert_eq!(names.len(), rows.len(), "a number is registered twice");
    names
}

fn hex(number: &str) -> u64 {
    let digits = number.strip_prefix("0x").expect("a hexadecimal number");
    u64::from_str_radix(digits, 16).expect("hexadecimal digits")
}

/// Whether a table of the law has a row with this number first, and this name.
fn law_has(number: u64, name: &str) -> bool {
    let (number, name) = (format!("| {number:#04x} "), format!("`{name}`"));
    LAW.iter()
        .flat_map(|page| page.lines())
        .any(|line| line.contains(&number) && line.contains(&name))
}

#[test]
fn every_frame_type_is_registered_and_only_those() {
    let registered = names(&rows(FRAMES, "frame"), "type");
    let known = (0..=u8::MAX)
        .filter_map(|number| Some((u64::from(number), FrameType::from(number).name()?)))
        .collect();
    assert_eq!(registered, known);
}

#[test]
fn every_stream_kind_is_registered_and_only_those() {
    let rows = rows(KINDS, "kind");
    let registered = names(&rows, "number");
    let known: BTreeMap<_, _> = (0..0x4000_u16)
        .filter_map(kind)
        .map(|kind| (kind.number().get(), kind.name()))
        .collect();
    assert_eq!(registered, known);
}

#[test]
fn every_stream_kind_runs_as_registered() {
    for row in rows(KINDS, "kind") {
        let kind = kind(hex(row["number"]) as u16).expect("a registered kind");
        assert_eq!(
            kind.may_run(Direction::OneWay),
            row["ways"].contains("\"one\"")
        );
        assert_eq!(
            kind.may_run(Direction::TwoWay),
            row["ways"].contains("\"two\"")
        );
    }
}

/// The kind of this number, with a parameter of 0 if it needs one.
fn kind(number: u16) -> Option<StreamKind> {
    let bytes = if number < 0x40 {
        vec![number as u8]
    } else {
        (0x4000 | number).to_be_bytes().to_vec()
    };
    let open = |payload: Vec<u8>| {
        Open::decode(RawFrame {
            frame_type: FrameType::OPEN,
            payload: Bytes::from(payload),
        })
    };
    match open(bytes.clone()).or_else(|_| open([bytes, vec![0]].concat())) {
        Ok(open) => Some(open.kind),
        Err(OpenError::UnknownKind { .. }) => None,
        Err(error) => panic!("kind {number:#x}: {error}"),
    }
}

#[test]
fn every_close_code_is_registered_and_only_those() {
    let known = |name: fn(u64) -> Option<&'static str>| -> BTreeMap<_, _> {
        (0..0x1000)
            .filter_map(|number| Some((number, name(number)?)))
            .collect()
    };
    let session = known(|number| Some(RegisteredClose::from_number(number)?.name()));
    let stream = known(|number| Some(RegisteredStreamCode::from_number(number)?.name()));
    assert_eq!(names(&rows(CODES, "session"), "number"), session);
    assert_eq!(names(&rows(CODES, "stream"), "number"), stream);
}

#[test]
fn every_item_outcome_is_registered_and_only_those() {
    let named = |number| Some((number, ItemOutcome::from(VarInt::new(number)?).name()?));
    let known = (0..0x1000).filter_map(named).collect();
    assert_eq!(names(&rows(OUTCOMES, "outcome"), "number"), known);
}

#[test]
fn every_number_of_the_dht_is_registered_and_only_those() {
    let kinds = (0..=u8::MAX)
        .filter_map(|number| Some((number.into(), RecordKind::from(number).name()?)))
        .collect();
    assert_eq!(names(&rows(DHT, "kind"), "number"), kinds);
    let outcomes = (0..=u8::MAX)
        .filter_map(|number| Some((number.into(), PutOutcome::from(number).name()?)))
        .collect();
    assert_eq!(names(&rows(DHT, "put"), "number"), outcomes);
}

#[test]
fn every_reason_of_a_relay_is_registered_and_only_those() {
    let reasons = (0..=u8::MAX)
        .filter_map(|number| Some((number.into(), Unreached::from(number).name()?)))
        .collect();
    assert_eq!(names(&rows(RELAY, "reason"), "number"), reasons);
}

#[test]
fn every_reason_of_a_keeper_is_registered_and_only_those() {
    let reasons = (0..=u8::MAX)
        .filter_map(|number| Some((number.into(), Declined::from(number).name()?)))
        .collect();
    assert_eq!(names(&rows(KEEP, "declined"), "number"), reasons);
}

#[test]
fn law_shows_every_row_of_the_registry() {
    let tables = [
        (rows(FRAMES, "frame"), "type"),
        (rows(KINDS, "kind"), "number"),
        (rows(OUTCOMES, "outcome"), "number"),
        (rows(DHT, "kind"), "number"),
        (rows(DHT, "put"), "number"),
        (rows(RELAY, "reason"), "number"),
        (rows(KEEP, "declined"), "number"),
        (rows(CODES, "session"), "number"),
        (rows(CODES, "stream"), "number"),
    ];
    for (rows, number) in tables {
        assert!(!rows.is_empty());
        for (number, name) in names(&rows, number) {
            let is_open = name == "OPEN";
            assert!(
                is_open || law_has(number, name),
                "{number:#04x} {name} is not in the law"
            );
        }
    }
    assert!(LAW[0].contains("| 0x01 | varint | kind "));
}
