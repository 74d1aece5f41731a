//! Objects that a running node takes, gives and gets, and copies that other members keep.

use std::fs;

use crate::{
    command::{Place, bytes},
    member::{Member, wait_for_members},
};

/// Members that join by the first one, and know it.
fn members(place: &Place, names: &[&str], more: &[&str]) -> Vec<Member> {
    let first = Member::start_with(place, names[0], &[], more);
    let mut all = vec![first];
    for name in &names[1..] {
        let bootstrap = all[0].address.clone();
        all.push(Member::start_with(place, name, &[&bootstrap], more));
    }
    for name in &names[1..] {
        wait_for_members(place, name, 1);
    }
    all
}

fn by<'a>(command: &[&'a str], data_dir: &'a str) -> Vec<&'a str> {
    [command, &["--data-dir", data_dir]].concat()
}

#[test]
fn a_running_node_takes_an_object_and_gives_it_to_others_also_after_a_restart() {
    let place = Place::with_random_seed();
    let mut members = members(&place, &["one", "two", "three"], &[]);
    let content = bytes((2 << 20) + 9, 1);
    fs::write(place.path("film"), &content).unwrap();
    let put = place.run(&by(&["put", "film", "--ref"], "two"));
    assert_eq!(put.code, 0, "{}", put.stderr);
    let reference = put.text().trim().to_owned();

    let got = place.run(&by(&["get", &reference, "-o", "again"], "three"));
    assert_eq!(got.code, 0, "{}", got.stderr);
    assert!(fs::read(place.path("again")).unwrap() == content);

    let two = members.remove(1);
    two.running.kill();
    let bootstrap = members[0].address.clone();
    members.push(Member::start(&place, "two", &[&bootstrap]));
    wait_for_members(&place, "two", 1);
    let from = members[2].address.clone();
    let get = [
        "get",
        &reference,
        "--seed-file",
        "group.seed",
        "--from",
        &from,
    ];
    let got = place.run(&get);
    assert_eq!(got.code, 0, "{}", got.stderr);
    assert!(got.stdout == content);

    let released = place.run(&by(&["replicate", &reference, "--release"], "two"));
    assert_eq!(released.code, 0, "{}", released.stderr);
    assert_eq!(place.run(&get).code, 10);
    let again = place.run(&by(&["replicate", &reference, "--release"], "two"));
    assert_eq!(again.code, 10);
}

#[test]
fn copies_that_others_keep_outlive_their_owner_and_open_for_who_has_the_key() {
    let place = Place::with_random_seed();
    let mut members = members(
        &place,
        &["one", "two", "three", "four"],
        &["--offer", "64M"],
    );
    let content = bytes((3 << 20) + 5, 2);
    fs::write(place.path("film"), &content).unwrap();
    let put = place.run(&by(&["put", "film", "--replicas", "3"], "four"));
    assert_eq!(put.code, 0, "{}", put.stderr);
    assert!(
        put.stderr.contains("3 of 3 copies are kept"),
        "{}",
        put.stderr
    );
    let sealed = put.text().trim().to_owned();
    assert_eq!(sealed.matches(':').count(), 3, "{sealed}");

    // What was put is the owner's alone.
    let shelf = place.read("four/shelf");
    assert!(shelf.starts_with(&sealed[..64]), "{shelf}");
    assert!(!shelf.contains(&sealed[sealed.len() - 64..]), "{shelf}");
    members.remove(3).running.kill();
    let got = place.run(&by(&["get", &sealed], "two"));
    assert_eq!(got.code, 0, "{}", got.stderr);
    assert!(got.stdout == content);
    let (object, _) = sealed.rsplit_once(':').unwrap();
    let cipher = place.run(&by(&["get", object], "two"));
    assert!(cipher.code == 0 && cipher.stdout != content);
    let other_key = format!("{object}:{}", "0".repeat(64));
    assert_eq!(place.run(&by(&["get", &other_key], "two")).code, 13);
}

#[test]
fn a_short_lived_put_is_done_when_its_copies_are_kept_and_says_why_they_are_not() {
    let place = Place::with_random_seed();
    let members = members(&place, &["one", "two"], &["--offer", "4M"]);
    fs::write(place.path("film"), bytes(1 << 20, 3)).unwrap();
    fs::write(place.path("long"), bytes(8 << 20, 4)).unwrap();
    let put = |file, count| {
        let from = [
            "--seed-file",
            "group.seed",
            "--bootstrap",
            &members[0].address,
        ];
        let put = ["put", file, "--replicas", count];
        place.run(&[&put[..], &from].concat())
    };
    let kept = put("film", "2");
    assert_eq!(kept.code, 0, "{}", kept.stderr);
    let sealed = kept.text().trim().to_owned();
    let got = place.run(&by(&["get", &sealed], "one"));
    assert!(got.code == 0 && got.stdout == fs::read(place.path("film")).unwrap());

    let too_many = put("film", "3");
    assert_eq!(too_many.code, 10, "{}", too_many.stderr);
    let too_long = put("long", "1");
    assert_eq!(too_long.code, 14, "{}", too_long.stderr);
    let nobody = place.run(&[
        "put",
        "film",
        "--replicas",
        "1",
        "--seed-file",
        "group.seed",
    ]);
    assert_eq!(nobody.code, 2, "{}", nobody.stderr);
}

#[test]
fn what_is_in_the_store_is_copied_later_and_let_go_of_again() {
    let place = Place::with_random_seed();
    let members = members(&place, &["one", "two"], &["--offer", "16M"]);
    fs::write(place.path("film"), bytes(500_000, 5)).unwrap();
    let put = place.run(&by(&["put", "film"], "one"));
    let address = put.text().trim().to_owned();
    let copied = place.run(&by(&["replicate", &address, "-n", "1", "--plain"], "one"));
    assert_eq!(copied.code, 0, "{}", copied.stderr);
    assert!(copied.text().starts_with(&address), "{}", copied.text());
    let find = place.run(&by(&["find", &address], "one"));
    assert!(find.text().contains(&members[1].id), "{}", find.text());
    let released = place.run(&by(&["replicate", &address, "--release"], "one"));
    assert_eq!(released.code, 0, "{}", released.stderr);
    wait_for_members(&place, "one", 1);
    let leases = place.run(&by(&["find", &address], "one"));
    assert_eq!(leases.code, 10, "{}{}", leases.text(), leases.stderr);
}
