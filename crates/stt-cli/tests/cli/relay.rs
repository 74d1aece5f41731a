//! Two processes that meet through a third.

use std::io::{BufRead, BufReader, Write};

use crate::command::{Place, Running, bytes};

const SEED: [&str; 2] = ["--seed-file", "group.seed"];

/// A relay on the loopback address, by UDP and by WebSocket, and where it is found.
pub(crate) fn relay(place: &Place) -> (Running, [String; 2]) {
    let arguments = ["node", "--relay", "--bind", "127.0.0.1:0", "--bind"];
    let more = ["ws://127.0.0.1:0", "--relay-rate", "100000000", "-v"];
    let mut relay = place.start(&[&arguments[..], &more, &SEED].concat());
    let mut lines = BufReader::new(relay.stdout.take().unwrap()).lines();
    let addresses = [(); 2].map(|()| {
        let line = lines.next().unwrap().unwrap();
        line.split(' ').nth(2).unwrap().to_owned()
    });
    (relay, addresses)
}

/// A listener that waits at a relay, and who it is.
fn wait_at(place: &Place, relay: &str) -> (Running, String) {
    let (mut listener, _) = place.listen(&["--relay", relay]);
    let line = listener.line("waiting at the relay ");
    let (at, id) = line.split_once(" as ").unwrap();
    assert!(at.ends_with(relay), "{at}");
    (listener, id.to_owned())
}

#[test]
fn bytes_go_both_ways_between_members_that_know_nothing_of_each_other_but_a_relay() {
    let place = Place::with_random_seed();
    let (relay, [by_udp, by_websocket]) = relay(&place);
    assert!(by_websocket.starts_with("ws://"), "{by_websocket}");
    for (of_listener, of_connector) in [
        (&by_udp, &by_udp),
        (&by_websocket, &by_udp),
        (&by_websocket, &by_websocket),
    ] {
        let (mut listener, id) = wait_at(&place, of_listener);
        let mut connector = place.connect(&id, &["--relay", of_connector]);
        let (here, there) = (bytes(1 << 20, 1), bytes(1 << 20, 2));
        let mut feeding = Vec::new();
        for (running, bytes) in [(&mut listener, &here), (&mut connector, &there)] {
            let (mut stdin, bytes) = (running.stdin.take().unwrap(), bytes.clone());
            feeding.push(std::thread::spawn(move || stdin.write_all(&bytes).unwrap()));
        }
        let listening = std::thread::spawn(move || listener.end());
        let connected = connector.end();
        let listened = listening.join().unwrap();
        for fed in feeding {
            fed.join().unwrap();
        }
        let codes = (listened.code, connected.code);
        assert_eq!(codes, (0, 0), "{}{}", listened.stderr, connected.stderr);
        assert!(connected.stdout == here && listened.stdout == there);
    }
    relay.terminate();
    assert_eq!(relay.end().code, 0);
}

#[test]
fn who_is_not_at_the_relay_is_said_not_to_be_and_what_is_no_relay_too() {
    let place = Place::with_random_seed();
    let (_relay, [address, _]) = relay(&place);
    let (_listener, no_relay) = place.listen(&["--keep"]);
    let nobody = "a".repeat(52);
    for (relay, said) in [(&address, "not registered"), (&no_relay, "or is none")] {
        let arguments = ["connect", &nobody, "--relay", relay, "--timeout", "2"];
        let failed = place.run(&[&arguments[..], &SEED].concat());
        assert_eq!(failed.code, 4, "{}", failed.stderr);
        assert!(failed.stderr.contains(said), "{}", failed.stderr);
    }
    let misused = place.run(&[&["connect", &nobody][..], &SEED].concat());
    assert_eq!(misused.code, 2, "{}", misused.stderr);
    assert!(
        misused.stderr.contains("--relay ADDR"),
        "{}",
        misused.stderr
    );
}
