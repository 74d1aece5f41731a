//! Seeds in files: made, extended, checked, and refused when they are not what they must be.

use std::{fs, thread};

use crate::command::{Place, mode, set_mode};

#[test]
fn a_new_seed_goes_to_standard_output_or_to_a_private_file() {
    let place = Place::with_random_seed();
    let printed = place.run(&["seed", "new"]);
    assert_eq!(printed.code, 0);
    assert!(printed.text().starts_with("stt1") && printed.text().ends_with('\n'));
    assert_eq!(mode(&place.path("group.seed")), 0o600);
    assert_ne!(printed.text(), place.read("group.seed"));
}

#[test]
fn a_seed_is_never_overwritten() {
    let place = Place::with_random_seed();
    let before = place.read("group.seed");
    let again = place.run(&["seed", "new", "--out", "group.seed"]);
    assert_eq!(again.code, 2, "{}", again.stderr);
    assert_eq!(place.read("group.seed"), before);
}

#[test]
fn the_next_epoch_keeps_group_mode_and_remarks() {
    let place = Place::with_random_seed();
    let with_remark = format!("# garden sensors\n{}", place.read("group.seed"));
    place.write_private("group.seed", &with_remark);
    let group = |text: &str| text.lines().next().unwrap().to_owned();
    let before = place.run(&["seed", "check", "group.seed"]);
    let next = place.run(&["seed", "next", "group.seed"]);
    let after = place.run(&["seed", "check", "group.seed"]);
    assert_eq!(
        (before.code, next.code, after.code),
        (0, 0, 0),
        "{}",
        next.stderr
    );
    assert_eq!(group(before.text()), group(after.text()));
    assert!(before.text().contains("epochs 1\n"), "{}", before.text());
    assert!(after.text().contains("epochs 1 2\n"), "{}", after.text());
    assert!(place.read("group.seed").starts_with(&with_remark));
    assert_eq!(mode(&place.path("group.seed")), 0o600);
}

#[test]
fn two_who_add_an_epoch_at_once_add_two() {
    let place = Place::with_random_seed();
    let adding: Vec<_> = (0..4)
        .map(|_| place.start(&["seed", "next", "group.seed"]))
        .collect();
    for adding in adding {
        let ended = adding.end();
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    }
    let after = place.run(&["seed", "check", "group.seed"]);
    assert!(
        after.text().contains("epochs 1 2 3 4 5\n"),
        "{}",
        after.text()
    );
}

#[test]
fn a_check_never_shows_a_key() {
    let place = Place::with_random_seed();
    let checked = place.run(&["seed", "check", "group.seed"]);
    let seed = place.read("group.seed");
    for part in seed.trim().as_bytes()[30..].chunks(8) {
        let part = std::str::from_utf8(part).unwrap();
        assert!(!checked.text().contains(part) && !checked.stderr.contains(part));
    }
    assert!(checked.text().contains("gated"), "{}", checked.text());
    let open =
        Place::with_passphrase("correct horse battery").run(&["seed", "check", "group.seed"]);
    assert!(open.text().contains("open"), "{}", open.text());
    assert!(!open.text().contains("horse"));
}

#[test]
fn a_seed_that_is_not_one_is_usage() {
    let place = Place::with_random_seed();
    let good = place.read("group.seed");
    let mistyped = good.replacen(['a', 'b'], "c", 1);
    let cut = good.trim()[..60].to_owned();
    for (name, text) in [
        ("empty", ""),
        ("blank", "\n# nothing\n"),
        ("mistyped", &mistyped),
        ("cut", &cut),
        ("word", "password"),
        ("short", "passphrase:tests:no"),
        ("formless", "passphrase:tests"),
    ] {
        place.write_private(name, text);
        for command in [
            &["listen", "--seed-file", name][..],
            &["connect", "127.0.0.1:9", "--seed-file", name],
            &["seed", "check", name],
            &["seed", "next", name],
        ] {
            let refused = place.run(command);
            assert_eq!(refused.code, 2, "{command:?}: {}", refused.stderr);
            assert!(refused.stderr.contains(name), "{}", refused.stderr);
        }
    }
}

#[test]
fn a_seed_file_open_to_others_is_usage_and_says_the_cure() {
    let place = Place::with_random_seed();
    for open in [0o640, 0o604, 0o620, 0o644, 0o666] {
        set_mode(&place.path("group.seed"), open);
        let refused = place.run(&["listen", "--seed-file", "group.seed"]);
        assert_eq!(refused.code, 2, "{open:o}");
        assert!(
            refused.stderr.contains("chmod 600 group.seed"),
            "{}",
            refused.stderr
        );
    }
}

#[test]
fn what_is_no_file_is_no_seed() {
    let place = Place::empty();
    fs::create_dir(place.path("folder")).unwrap();
    for name in ["folder", "missing", "/dev/null"] {
        let refused = place.run(&["listen", "--seed-file", name]);
        assert_eq!(refused.code, 2, "{}", refused.stderr);
    }
}

#[test]
fn a_seed_is_asked_for_and_never_taken_from_an_argument() {
    let place = Place::with_random_seed();
    let none = place.run(&["listen"]);
    assert_eq!(none.code, 2);
    assert!(none.stderr.contains("STT_SEED"), "{}", none.stderr);
    let secret = "passphrase:tests:a sesame nobody knows";
    assert_eq!(place.run(&["listen", "--seed", secret]).code, 2);
    let help = place.run_with(&["listen", "--help"], &[("STT_SEED", secret)]);
    assert!(help.text().contains("STT_SEED") && !help.text().contains("sesame"));
    let bad = place.run_with(&["listen"], &[("STT_SEED", "stt1 mistyped sesame")]);
    assert_eq!(bad.code, 2);
    assert!(!bad.stderr.contains("sesame"), "{}", bad.stderr);
}

#[test]
fn many_new_seeds_at_one_name_make_one_file() {
    let place = Place::empty();
    let making: Vec<_> = (0..4)
        .map(|_| place.start(&["seed", "new", "--out", "one.seed"]))
        .map(|making| thread::spawn(move || making.end().code))
        .collect();
    let mut codes: Vec<_> = making
        .into_iter()
        .map(|code| code.join().unwrap())
        .collect();
    codes.sort_unstable();
    assert_eq!(codes, [0, 2, 2, 2]);
    assert_eq!(place.run(&["seed", "check", "one.seed"]).code, 0);
}

#[test]
fn a_folder_that_is_missing_is_said_without_a_name_that_nobody_gave() {
    let place = Place::empty();
    let refused = place.run(&["seed", "new", "--out", "missing/group.seed"]);
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("missing/group.seed"),
        "{}",
        refused.stderr
    );
    assert!(!refused.stderr.contains(".stt-"), "{}", refused.stderr);
}
