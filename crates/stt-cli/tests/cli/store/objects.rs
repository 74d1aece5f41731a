//! Bytes go in, an address comes out and brings them back.

use std::fs;

use serde_json::Value;

use super::{EMPTY, feed, put, store};
use crate::command::{Place, bytes};

#[test]
fn what_was_put_comes_back_by_the_address_at_every_size() {
    let place = Place::empty();
    for len in [
        0,
        1,
        65_536,
        (1 << 20) - 1,
        1 << 20,
        (1 << 20) + 1,
        5_000_000,
    ] {
        let object = bytes(len, 7);
        let from_input = put(&place, &object);
        fs::write(place.path("object"), &object).unwrap();
        let from_file = store(&place, &["put", "object"]);
        assert_eq!(from_file.text(), format!("{from_input}\n"));
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        assert!(from_input.len() == 64 && from_input.bytes().all(is_hex));
        let got = store(&place, &["get", &from_input]);
        assert_eq!(got.code, 0, "{}", got.stderr);
        assert!(got.stdout == object, "{len}");
    }
    assert_eq!(put(&place, b""), EMPTY);
}

#[test]
fn a_hundred_mebibytes_are_stored_once_and_any_part_of_them_is_found() {
    let place = Place::empty();
    let object = bytes(100 << 20, 8);
    let address = put(&place, &object);
    assert_eq!(put(&place, &object), address);
    let stat = store(&place, &["stat", "--json"]);
    let stat: Value = serde_json::from_slice(&stat.stdout).unwrap();
    assert_eq!(stat["objects"], 1);
    assert_eq!(stat["object_bytes"], object.len());
    let on_disk = stat["segment_bytes"].as_u64().unwrap();
    assert!(on_disk < (object.len() as u64) * 102 / 100, "{on_disk}");
    let got = store(&place, &["get", &address, "-o", "again"]);
    assert_eq!(got.code, 0, "{}", got.stderr);
    assert!(fs::read(place.path("again")).unwrap() == object);
    for (range, expected) in [
        ("0..1", &object[..1]),
        ("1048575..1048577", &object[1_048_575..1_048_577]),
        ("70000000..73000000", &object[70_000_000..73_000_000]),
        ("104857590..", &object[104_857_590..]),
        ("..10", &object[..10]),
        ("5..5", &[]),
        ("104857600..", &[]),
    ] {
        let got = store(&place, &["get", &address, "--range", range]);
        assert_eq!(got.code, 0, "{range}: {}", got.stderr);
        assert!(got.stdout == expected, "{range}");
    }
    for range in ["104857601..", "0..104857601", "7..3", "x..", "5"] {
        let got = store(&place, &["get", &address, "--range", range]);
        assert_eq!((got.code, got.stdout.len()), (2, 0), "{range}");
    }
}

#[test]
fn a_reference_is_accepted_wherever_an_address_is() {
    let place = Place::empty();
    let object = bytes(3_000_000, 9);
    let reference = feed(&place, &["put", "--ref"], &object);
    let reference = reference.text().trim_end().to_owned();
    assert!(reference.ends_with(":3000000"), "{reference}");
    assert!(store(&place, &["get", &reference]).stdout == object);
    for command in ["pin", "unpin", "rm"] {
        assert_eq!(store(&place, &[command, &reference]).code, 0, "{command}");
    }
    assert_eq!(store(&place, &["get", &reference]).code, 10);
}

#[test]
fn a_reference_that_is_wrong_in_any_part_is_refused() {
    let place = Place::empty();
    let object = bytes(3_000_000, 9);
    let reference = feed(&place, &["put", "--ref"], &object);
    let (rest, _) = reference.text().rsplit_once(':').unwrap();
    let (address, root) = rest.split_once(':').unwrap();
    for wrong in [
        format!("{address}:{root}:2999999"),
        format!("{address}:{address}:3000000"),
    ] {
        let got = store(&place, &["get", &wrong]);
        assert_eq!((got.code, got.stdout.len()), (2, 0), "{}", got.stderr);
        assert!(got.stderr.contains("reference is wrong"), "{}", got.stderr);
    }
}

#[test]
fn objects_are_listed_pinned_and_removed() {
    let place = Place::empty();
    let (one, other) = (put(&place, b"one"), put(&place, b"the other"));
    assert_eq!(store(&place, &["pin", &one]).code, 0);
    let mut lines = [format!("{one}\t3\tpinned"), format!("{other}\t9\t-")];
    lines.sort();
    let listed = store(&place, &["ls"]);
    assert_eq!(listed.text(), format!("{}\n", lines.join("\n")));
    let refused = store(&place, &["rm", &one]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("pinned"), "{}", refused.stderr);
    assert_eq!(store(&place, &["unpin", &one]).code, 0);
    assert_eq!(store(&place, &["rm", &one, &other]).code, 0);
    assert_eq!(store(&place, &["ls"]).text(), "");
    assert_eq!(store(&place, &["get", &one]).code, 10);
}

#[test]
fn a_quota_evicts_what_was_used_longest_ago_and_no_pins() {
    let place = Place::empty();
    let object = |number| bytes(900_000, number);
    let [pinned, oldest, used] = [1, 3, 5].map(|number| put(&place, &object(number)));
    assert_eq!(store(&place, &["pin", &pinned]).code, 0);
    assert_eq!(store(&place, &["get", &used, "-o", "/dev/null"]).code, 0);
    let fits = feed(&place, &["put", "--quota", "3M"], &object(7));
    assert_eq!(fits.code, 0, "{}", fits.stderr);
    assert_eq!(store(&place, &["get", &oldest]).code, 10);
    for kept in [&pinned, &used, fits.text().trim_end()] {
        assert_eq!(store(&place, &["get", kept]).code, 0);
    }
    for too_small in ["1K", "1M"] {
        let refused = feed(&place, &["put", "--quota", too_small], &object(9));
        assert_eq!(
            (refused.code, refused.stdout.len()),
            (14, 0),
            "{}",
            refused.stderr
        );
        assert!(refused.stderr.contains("quota"), "{}", refused.stderr);
    }
    assert_eq!(feed(&place, &["put", "--quota", "much"], b"").code, 2);
}

#[test]
fn answers_as_json_are_documents() {
    let place = Place::empty();
    let document = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap();
    let stored = document(&feed(&place, &["put", "--json"], b"bytes").stdout);
    assert_eq!(stored["length"], 5);
    let listed = document(&store(&place, &["ls", "--json"]).stdout);
    assert_eq!(listed["address"], stored["address"]);
    assert_eq!(listed["root"], stored["root"]);
    assert_eq!(listed["pinned"], false);
    let verified = document(&store(&place, &["verify", "--json"]).stdout);
    assert_eq!(
        (&verified["ok"], &verified["objects"]),
        (&true.into(), &1.into())
    );
    let unknown = store(&place, &["get", &"0".repeat(64), "--json"]);
    let error = document(unknown.stderr.as_bytes());
    assert_eq!(
        (&error["event"], &error["code"]),
        (&"error".into(), &10.into())
    );
}
