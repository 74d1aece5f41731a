//! Who a node is, and where that is kept.

use crate::command::{Place, mode, set_mode};

#[test]
fn an_identity_is_made_once_and_kept() {
    let place = Place::empty();
    let first = place.run(&["id", "--data-dir", "deep/here"]);
    let second = place.run_with(&["id"], &[("STT_DATA_DIR", "deep/here")]);
    assert_eq!((first.code, second.code), (0, 0), "{}", first.stderr);
    assert_eq!(first.text(), second.text());
    assert_eq!(first.text().trim().len(), 52);
    assert!(first.stderr.contains("new identity"), "{}", first.stderr);
    assert_eq!(second.stderr, "");
    assert_eq!(mode(&place.path("deep/here")), 0o700);
    assert_eq!(mode(&place.path("deep/here/node.seed")), 0o600);
}

#[test]
fn those_who_start_at_once_are_the_same_node() {
    for _ in 0..5 {
        let place = Place::empty();
        let starting: Vec<_> = (0..6)
            .map(|_| place.start(&["id", "--data-dir", "here"]))
            .collect();
        let ids: Vec<_> = starting
            .into_iter()
            .map(|starting| {
                let ended = starting.end();
                assert_eq!(ended.code, 0, "{}", ended.stderr);
                ended.stdout
            })
            .collect();
        assert!(
            ids.iter().all(|id| *id == ids[0]),
            "two nodes from one folder"
        );
        let files = std::fs::read_dir(place.path("here")).unwrap().count();
        assert_eq!(files, 1, "something was left behind");
    }
}

#[test]
fn a_listener_is_who_its_data_dir_says_and_else_somebody_new() {
    let place = Place::with_random_seed();
    let id = place.run(&["id", "--data-dir", "here"]);
    let who = |more: &[&str]| {
        let listen = [
            "listen",
            "--seed-file",
            "group.seed",
            "--bind",
            "127.0.0.1:0",
        ];
        let mut running = place.start(&[&listen[..], more].concat());
        let line = running.line("listening on ");
        line.rsplit(' ').next().unwrap().to_owned()
    };
    assert_eq!(who(&["--data-dir", "here"]), id.text().trim());
    let fresh = [who(&[]), who(&[])];
    assert_ne!(fresh[0], fresh[1]);
    assert_ne!(fresh[0], id.text().trim());
}

#[test]
fn an_identity_needs_a_place_and_a_sound_file() {
    let place = Place::empty();
    assert_eq!(place.run(&["id"]).code, 2);
    place.run(&["id", "--data-dir", "here"]);
    let file = place.path("here/node.seed");
    set_mode(&file, 0o644);
    assert_eq!(place.run(&["id", "--data-dir", "here"]).code, 2);
    place.write_private("here/node.seed", "");
    assert_eq!(place.run(&["id", "--data-dir", "here"]).code, 2);
}

#[test]
fn an_empty_variable_is_one_that_is_not_set() {
    let place = Place::with_random_seed();
    let empty = [("STT_DATA_DIR", ""), ("STT_LOG", "")];
    let check = place.run_with(&["seed", "check", "group.seed"], &empty);
    assert_eq!(check.code, 0, "{}", check.stderr);
    let id = place.run_with(&["id"], &empty);
    assert_eq!(id.code, 2);
    assert!(id.stderr.contains("needs a place"), "{}", id.stderr);
    let here = place.run_with(&["id", "--data-dir", "here"], &empty);
    assert_eq!(here.code, 0, "{}", here.stderr);
    assert_eq!(place.run(&["id", "--data-dir", ""]).code, 2);
}
