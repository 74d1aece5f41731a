//! A pipe that breaks is told from one that ended.

use std::io::Write;

use crate::command::Place;

#[test]
fn a_killed_peer_is_noticed_and_is_no_end() {
    let place = Place::with_random_seed();
    let (mut listener, address) = place.listen(&[]);
    let mut connector = place.connect(&address, &["--idle-timeout", "1"]);
    connector.line("session ");
    listener.line("session ");
    listener.kill();
    let connected = connector.end();
    assert_eq!(connected.code, 5, "{}", connected.stderr);
    assert!(
        connected.stderr.contains("nothing heard"),
        "{}",
        connected.stderr
    );
}

#[test]
fn a_reader_that_goes_away_breaks_the_pipe_on_both_sides() {
    let place = Place::with_random_seed();
    let (mut listener, address) = place.listen(&[]);
    let mut connector = place.connect(&address, &[]);
    drop(listener.stdout.take());
    connector
        .stdin
        .as_mut()
        .unwrap()
        .write_all(b"to nobody")
        .unwrap();
    let (listened, connected) = (listener.end(), connector.end());
    assert_eq!((listened.code, connected.code), (5, 5));
    assert!(
        connected
            .stderr
            .contains("the peer gave up: cannot write standard output"),
        "{}",
        connected.stderr
    );
}

#[test]
fn a_listener_that_nobody_came_to_breaks_nothing_off() {
    let place = Place::with_random_seed();
    let (listener, _address) = place.listen(&[]);
    listener.terminate();
    let listened = listener.end();
    assert_eq!(listened.code, 5, "{}", listened.stderr);
    let last = listened.stderr.lines().last();
    assert_eq!(last, Some("stt: interrupted before a peer came"));
}

#[test]
fn a_dial_that_nobody_answered_breaks_nothing_off() {
    let place = Place::with_random_seed();
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    let connector = place.connect(&address, &[]);
    nobody.recv(&mut [0; 2_000]).unwrap();
    connector.terminate();
    let connected = connector.end();
    assert_eq!(connected.code, 5, "{}", connected.stderr);
    assert_eq!(connected.stderr, "stt: interrupted before a peer answered");
}

#[test]
fn an_interrupted_side_tells_the_other() {
    let place = Place::with_random_seed();
    let (mut listener, address) = place.listen(&[]);
    let mut connector = place.connect(&address, &[]);
    listener.line("session ");
    connector.line("session ");
    listener.terminate();
    for ended in [connector.end(), listener.end()] {
        assert_eq!(ended.code, 5, "{}", ended.stderr);
        let said = ended.stderr.matches("interrupted").count();
        assert_eq!(said, 1, "once is enough: {}", ended.stderr);
    }
}
