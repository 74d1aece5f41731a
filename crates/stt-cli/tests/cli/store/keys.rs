//! Who may open a store.

use super::{put, store};
use crate::command::Place;

const GROUP: [&str; 2] = ["--seed-file", "group.seed"];

#[test]
fn an_added_seed_opens_the_store_and_a_removed_one_does_not() {
    let place = Place::with_random_seed();
    let address = put(&place, b"something");
    let get = ["get", &address];
    let with_group = [&get[..], &GROUP].concat();
    assert_eq!(store(&place, &with_group).code, 13);
    let added = store(&place, &["add-seed", "group.seed"]);
    assert_eq!(added.code, 0, "{}", added.stderr);
    assert_eq!(store(&place, &with_group).text(), "something");
    let again = store(&place, &["add-seed", "group.seed"]);
    assert_eq!(again.code, 1, "{}", again.stderr);
    assert!(again.stderr.contains("already"), "{}", again.stderr);

    // A group's next epoch opens what its earlier ones did.
    assert_eq!(place.run(&["seed", "next", "group.seed"]).code, 0);
    assert_eq!(store(&place, &with_group).text(), "something");

    let removed = [&["remove-seed", "here/node.seed"][..], &GROUP].concat();
    assert_eq!(store(&place, &removed).code, 0);
    assert_eq!(store(&place, &get).code, 13);
    assert_eq!(store(&place, &removed).code, 13);
    let last = [&["remove-seed", "group.seed"][..], &GROUP].concat();
    let last = store(&place, &last);
    assert_eq!(last.code, 1, "{}", last.stderr);
    assert!(last.stderr.contains("last"), "{}", last.stderr);
    assert_eq!(store(&place, &with_group).text(), "something");
}

#[test]
fn a_rotation_lets_no_seed_go_unless_it_is_told_to() {
    let place = Place::with_random_seed();
    let address = put(&place, b"something");
    let get = ["get", &address];
    let with_group = [&get[..], &GROUP].concat();
    assert_eq!(store(&place, &["rotate-key"]).code, 0);
    assert_eq!(store(&place, &["add-seed", "group.seed"]).code, 0);
    let refused = store(&place, &["rotate-key"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("1 of 2 seeds"),
        "{}",
        refused.stderr
    );
    // A seed that opens nothing yet does not stand for one that does.
    place.run(&["id", "--data-dir", "there"]);
    let refused = store(&place, &["rotate-key", "--with", "there/node.seed"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert_eq!(store(&place, &with_group).text(), "something");

    let kept = store(&place, &["rotate-key", "--with", "group.seed"]);
    assert_eq!(kept.code, 0, "{}", kept.stderr);
    assert_eq!(store(&place, &with_group).text(), "something");
    let dropped = store(&place, &["rotate-key", "--drop-others"]);
    assert_eq!(dropped.code, 0, "{}", dropped.stderr);
    assert!(
        dropped.stderr.contains("1 seed let go"),
        "{}",
        dropped.stderr
    );
    assert_eq!(store(&place, &with_group).code, 13);
    assert_eq!(store(&place, &get).text(), "something");
    let stat = store(&place, &["stat"]);
    assert!(stat.text().contains("number 4\n"), "{}", stat.text());
    assert!(stat.text().contains("seeds     1 "), "{}", stat.text());
}
