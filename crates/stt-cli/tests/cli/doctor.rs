//! What `stt doctor` says on one machine: what it saw, and what it was not given.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{
    command::{Ended, Place, Running},
    relay::relay,
};

const SEED: [&str; 2] = ["--seed-file", "group.seed"];
/// Neither a router nor other machines are bothered by tests.
const QUIET: [&str; 2] = ["--no-lan", "--no-port-mapping"];

/// A member that listens, and where: by UDP, or by WebSocket.
fn member(place: &Place, bind: &str) -> (Running, String) {
    let arguments = ["listen", "--keep", "--bind", bind];
    let mut listener = place.start(&[&arguments[..], &QUIET, &SEED].concat());
    let line = listener.line("listening on ");
    let address = line.split(' ').nth(2).unwrap().to_owned();
    (listener, address)
}

fn doctor(place: &Place, more: &[&str]) -> Ended {
    place.run(&[&["doctor"], more, &QUIET, &SEED].concat())
}

fn document(ended: &Ended) -> Value {
    serde_json::from_str(ended.text()).unwrap()
}

#[test]
fn without_a_seed_it_says_what_can_be_told_and_what_to_give() {
    let place = Place::empty();
    let ended = place.run(&["doctor", "--no-port-mapping"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    for part in ["addresses", "proxy", "give --seed-file"] {
        assert!(ended.text().contains(part), "{}", ended.text());
    }
    let with_a_member = place.run(&["doctor", "--via", "127.0.0.1:9"]);
    assert_eq!(with_a_member.code, 2, "{}", with_a_member.stderr);
}

#[test]
fn members_that_are_asked_say_where_they_see_this_machine() {
    let place = Place::with_random_seed();
    let (_one, first) = member(&place, "127.0.0.1:0");
    let (_two, second) = member(&place, "127.0.0.1:0");
    let ended = doctor(&place, &["--via", &first, "--via", &second, "--json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let said = document(&ended);
    assert_eq!(said["udp"], "works");
    assert_eq!(said["ipv4"]["reached"], 2);
    let members = said["members"].as_array().unwrap();
    assert_eq!(members.len(), 2);
    for member in members {
        assert_eq!(member["path"], "udp");
        let seen = member["sees_us_at"].as_str().unwrap();
        assert!(seen.starts_with("127.0.0.1:"), "{seen}");
    }
    // Both are on this very machine, which tells nothing of what is beyond.
    assert_eq!(said["mapping"], "unknown");
    assert!(
        said["advice"][0]
            .as_str()
            .unwrap()
            .contains("beyond the local network")
    );
}

#[test]
fn with_one_member_a_second_is_asked_for_and_a_silent_one_is_said_to_be() {
    let place = Place::with_random_seed();
    let (_one, first) = member(&place, "127.0.0.1:0");
    let ended = doctor(
        &place,
        &["--via", &first, "--via", "127.0.0.1:9", "--timeout", "4"],
    );
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.text().contains("second --via"), "{}", ended.text());
    assert!(
        ended.text().contains("127.0.0.1:9: no answer"),
        "{}",
        ended.text()
    );
    let silent = doctor(&place, &["--via", "127.0.0.1:9", "--timeout", "4"]);
    assert_eq!(silent.code, 4, "{}", silent.text());
    assert!(silent.text().contains("WebSockets"), "{}", silent.text());
}

#[test]
fn relays_are_reached_or_not_and_a_peer_behind_one_becomes_direct() {
    let place = Place::with_random_seed();
    let (_relay, [at, by_websocket]) = relay(&place);
    let (mut listener, _) =
        place.listen(&["--keep", "--relay", &at, "--no-lan", "--no-port-mapping"]);
    let line = listener.line("waiting at the relay ");
    let (_, id) = line.split_once(" as ").unwrap();
    let ended = doctor(&place, &[id, "--relay", &by_websocket, "--json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let said = document(&ended);
    assert!(
        said["here"]["relays"][0]["round_trip_ms"].is_number(),
        "{said}"
    );
    let peer = &said["peer"];
    assert_eq!(peer["node"], id);
    assert_eq!(
        (&peer["first"]["path"], &peer["last"]["path"]),
        (&"relay".into(), &"udp".into())
    );
    assert!(
        peer["direct_after_ms"].as_f64().unwrap() < 10_000.0,
        "{peer}"
    );

    let ended = doctor(&place, &["--relay", "127.0.0.1:9", "--timeout", "3"]);
    assert_eq!(ended.code, 4, "{}", ended.stderr);
    assert!(
        ended.text().contains("127.0.0.1:9: not reached"),
        "{}",
        ended.text()
    );
}

#[test]
fn a_peer_by_its_place_is_met_and_those_that_are_not_have_their_codes() {
    let place = Place::with_random_seed();
    let (_listener, address) = member(&place, "127.0.0.1:0");
    let met = doctor(&place, &[&address]);
    assert_eq!(met.code, 0, "{}", met.stderr);
    assert!(
        met.text().contains("a direct path will work"),
        "{}",
        met.text()
    );
    assert!(
        met.text().contains("direct from the start"),
        "{}",
        met.text()
    );
    let silent = doctor(&place, &["127.0.0.1:9", "--timeout", "3"]);
    assert_eq!(silent.code, 4, "{}", silent.stderr);
    let nowhere = doctor(&place, &[&"a".repeat(52)]);
    assert_eq!(nowhere.code, 2, "{}", nowhere.stderr);
    assert!(nowhere.stderr.contains("--relay"), "{}", nowhere.stderr);

    let guarded = Place::with_passphrase("correct horse battery");
    let (_listener, address) = member(&guarded, "127.0.0.1:0");
    let stranger = Place::with_passphrase("incorrect horse battery");
    assert_eq!(doctor(&stranger, &[&address]).code, 3);
    assert_eq!(doctor(&stranger, &["--via", &address]).code, 3);
}

#[test]
fn the_node_that_runs_tells_what_it_knows_and_whom() {
    let place = Place::with_random_seed();
    let (_one, address) = member(&place, "127.0.0.1:0");
    let arguments = [
        "node",
        "--data-dir",
        "here",
        "--bind",
        "127.0.0.1:0",
        "--bootstrap",
        &address,
    ];
    let mut node = place.start(&[&arguments[..], &["-v"], &QUIET, &SEED].concat());
    node.line("session ");
    let ended = doctor(&place, &["--data-dir", "here", "--json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let said = document(&ended);
    assert_eq!(said["running"]["sessions"], 1, "{said}");
    node.terminate();
    assert_eq!(node.end().code, 0);
    let alone = doctor(&place, &["--data-dir", "here"]);
    assert_eq!(alone.code, 0, "{}", alone.stderr);
    assert!(alone.stderr.contains("no node runs"), "{}", alone.stderr);
}

#[test]
fn whatever_does_not_answer_it_is_done_in_time_or_when_it_is_interrupted() {
    let place = Place::with_random_seed();
    // An address of nobody, kept for documentation.
    let nobody = [
        "--via",
        "192.0.2.1:7",
        "--via",
        "ws://192.0.2.1:7",
        "--relay",
        "192.0.2.1:7",
    ];
    let began = Instant::now();
    let ended = doctor(
        &place,
        &[&nobody[..], &["192.0.2.1:9", "--timeout", "3"]].concat(),
    );
    assert!(ended.code == 4, "{}", ended.stderr);
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
    let running = place.start(&[&["doctor"][..], &nobody, &QUIET, &SEED].concat());
    std::thread::sleep(Duration::from_millis(500));
    running.terminate();
    assert_eq!(running.end().code, 5);
}
