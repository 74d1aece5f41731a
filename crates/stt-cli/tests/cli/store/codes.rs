//! Each way to fail has its exit code, and leaves the store as it was.

use std::fs;

use super::{feed, half_a_put, image, put, store};
use crate::command::{Place, bytes};

const NOWHERE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

#[test]
fn an_unknown_address_is_code_ten() {
    let place = Place::empty();
    put(&place, b"something else");
    for command in ["get", "rm", "pin", "unpin"] {
        let unknown = store(&place, &[command, NOWHERE]);
        assert_eq!((unknown.code, unknown.text()), (10, ""), "{command}");
        assert!(unknown.stderr.contains(NOWHERE), "{}", unknown.stderr);
    }
    let unknown = store(&place, &["get", NOWHERE, "-o", "file"]);
    assert_eq!(unknown.code, 10);
    assert!(!place.path("file").exists());
}

#[test]
fn a_text_that_is_no_address_is_usage() {
    let place = Place::empty();
    put(&place, b"something");
    let long = format!("{NOWHERE}0");
    let wrong = NOWHERE.replacen('0', "g", 1);
    let half = format!("{NOWHERE}:{NOWHERE}");
    for text in ["", "abcd", &NOWHERE[1..], &long, &wrong, &half, "\u{1f980}"] {
        for command in ["get", "rm", "pin", "unpin"] {
            assert_eq!(store(&place, &[command, text]).code, 2, "{command} {text}");
        }
    }
}

#[test]
fn only_put_makes_a_store() {
    let place = Place::with_random_seed();
    for command in [
        &["get", NOWHERE][..],
        &["ls"],
        &["rm", NOWHERE],
        &["verify"],
        &["stat"],
        &["compact"],
        &["add-seed", "group.seed"],
        &["rotate-key"],
    ] {
        let refused = store(&place, command);
        assert_eq!(refused.code, 2, "{command:?}");
        assert!(
            refused.stderr.contains("there is no store"),
            "{}",
            refused.stderr
        );
    }
    assert!(!place.path("here").exists(), "something was made");
    let missing = store(&place, &["put", "no such file"]);
    assert_eq!(missing.code, 2, "{}", missing.stderr);
    assert_eq!(store(&place, &["put", "."]).code, 2);
    assert!(!place.path("here").exists(), "something was made");
}

#[test]
fn a_store_needs_a_place_and_a_seed() {
    let place = Place::with_random_seed();
    for arguments in [
        &["store", "ls"][..],
        &["store", "ls", "--seed-file", "group.seed"],
        &["store", "ls", "--store", "here"],
        &["store", "put", "group.seed", "--store", "here"],
    ] {
        let refused = place.run(arguments);
        assert_eq!(refused.code, 2, "{arguments:?}");
        assert!(refused.stderr.contains("needs a"), "{}", refused.stderr);
    }
    // A seed for pipes is none for stores unless it is named.
    let seed = place.read("group.seed");
    let refused = place.run_with(
        &["store", "put", "group.seed", "--store", "here"],
        &[("STT_SEED", seed.trim())],
    );
    assert_eq!(refused.code, 2);
}

#[test]
fn a_directory_of_somebody_elses_files_stays_as_it_is() {
    let place = Place::with_random_seed();
    fs::create_dir(place.path("photos")).unwrap();
    for name in ["index-of-all", "index-00000009", "keys"] {
        fs::write(place.path("photos").join(name), b"mine").unwrap();
    }
    let before = image(&place.path("photos"));
    let refused = place.run(&[
        "store",
        "put",
        "group.seed",
        "--store",
        "photos",
        "--seed-file",
        "group.seed",
    ]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("no store's"), "{}", refused.stderr);
    assert_eq!(image(&place.path("photos")), before);
    let file = place.run(&[
        "store",
        "put",
        "group.seed",
        "--store",
        "group.seed",
        "--seed-file",
        "group.seed",
    ]);
    assert_eq!(file.code, 2, "{}", file.stderr);
}

#[test]
fn a_flipped_byte_is_code_eleven_and_names_the_object() {
    let place = Place::empty();
    let object = bytes(3_500_000, 5);
    let address = put(&place, &object);
    let well = put(&place, b"another one");
    let segment = place.path("here/store/seg-0000000000000001");
    let mut log = fs::read(&segment).unwrap();
    log[2_500_000] ^= 1;
    fs::write(&segment, log).unwrap();

    let got = store(&place, &["get", &address]);
    assert_eq!(got.code, 11, "{}", got.stderr);
    assert!(got.stderr.contains("block 2"), "{}", got.stderr);
    assert!(object.starts_with(&got.stdout), "a wrong byte came out");
    fs::write(place.path("file"), b"what was there").unwrap();
    let got = store(&place, &["get", &address, "-o", "file"]);
    assert_eq!(
        (got.code, place.read("file").as_str()),
        (11, "what was there")
    );
    let part = store(&place, &["get", &address, "--range", "..1000000"]);
    assert_eq!(part.code, 0, "{}", part.stderr);
    assert_eq!(store(&place, &["get", &well]).text(), "another one");

    let verified = store(&place, &["verify"]);
    assert_eq!(verified.code, 11, "{}", verified.stderr);
    let named = format!("object {address}: block 2\n");
    assert!(verified.text().contains(&named), "{}", verified.text());
    assert!(!verified.text().contains(&well));
    let verified = store(&place, &["verify", "--json"]);
    assert_eq!(verified.code, 11);
    assert!(
        verified.text().contains(r#""ok":false"#),
        "{}",
        verified.text()
    );

    assert_eq!(put(&place, &object), address);
    assert!(
        store(&place, &["get", &address]).stdout == object,
        "it is not healed"
    );
}

#[test]
fn a_store_without_its_keys_is_damaged() {
    let place = Place::empty();
    put(&place, b"something");
    let keys = ["keys-a", "keys-b"].map(|name| place.path("here/store").join(name));
    fs::write(&keys[0], b"garbage").unwrap();
    assert_eq!(store(&place, &["ls"]).code, 0, "one copy is enough");
    for keys in &keys {
        fs::remove_file(keys).unwrap();
    }
    assert_eq!(store(&place, &["ls"]).code, 11);
    assert_eq!(feed(&place, &["put"], b"more").code, 11);
}

#[test]
fn a_store_that_another_process_has_is_code_twelve() {
    let place = Place::empty();
    let address = put(&place, b"something");
    let mut holder = half_a_put(&place, &bytes(1 << 20, 2));
    let refused = store(&place, &["stat"]);
    assert_eq!(refused.code, 12, "{}", refused.stderr);
    assert!(refused.stderr.contains("in use"), "{}", refused.stderr);
    for command in [
        &["get", &address][..],
        &["ls"],
        &["verify"],
        &["rm", &address],
    ] {
        let refused = store(&place, command);
        assert_eq!((refused.code, refused.text()), (12, ""), "{command:?}");
    }
    assert_eq!(feed(&place, &["put"], b"more").code, 12);
    drop(holder.stdin.take());
    assert_eq!(holder.end().code, 0);
    assert_eq!(store(&place, &["get", &address]).text(), "something");
}

#[test]
fn a_wrong_seed_opens_nothing_and_writes_nothing() {
    let place = Place::with_random_seed();
    let address = put(&place, b"something");
    let directory = place.path("here/store");
    let before = image(&directory);
    assert_eq!(place.run(&["id", "--data-dir", "there"]).code, 0);
    for seed in [
        &["--data-dir", "there", "--store", "here/store"][..],
        &["--data-dir", "here", "--seed-file", "group.seed"],
        &["--store", "here/store", "--seed-file", "there/node.seed"],
    ] {
        for command in [
            &["get", &address][..],
            &["put", "group.seed"],
            &["ls"],
            &["rm", &address],
            &["pin", &address],
            &["unpin", &address],
            &["verify"],
            &["stat"],
            &["compact"],
            &["add-seed", "group.seed"],
            &["remove-seed", "here/node.seed"],
            &["rotate-key", "--drop-others"],
        ] {
            let refused = place.run(&[&["store"], seed, command].concat());
            assert_eq!(
                (refused.code, refused.text()),
                (13, ""),
                "{command:?}: {}",
                refused.stderr
            );
        }
    }
    assert!(image(&directory) == before, "something was written");
}

#[test]
fn a_lost_node_seed_is_told_and_not_replaced() {
    let place = Place::empty();
    let address = put(&place, b"something");
    fs::rename(place.path("here/node.seed"), place.path("kept")).unwrap();
    for command in [&["get", &address][..], &["put", "kept"]] {
        let refused = store(&place, command);
        assert_eq!(refused.code, 2, "{}", refused.stderr);
        assert!(refused.stderr.contains("node.seed"), "{}", refused.stderr);
    }
    assert!(!place.path("here/node.seed").exists());
    let found = store(&place, &["get", &address, "--seed-file", "kept"]);
    assert_eq!(found.text(), "something", "{}", found.stderr);
}

#[test]
fn a_passphrase_opens_no_store() {
    let place = Place::with_passphrase("correct horse battery");
    let refused = feed(&place, &["put", "--seed-file", "group.seed"], b"something");
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("random seed"), "{}", refused.stderr);
    put(&place, b"something");
    assert_eq!(store(&place, &["add-seed", "group.seed"]).code, 2);
}
