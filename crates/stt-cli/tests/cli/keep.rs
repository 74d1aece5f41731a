//! `listen --keep`: one peer after the other.

use std::io::Write;

use crate::command::Place;

#[test]
fn peers_are_served_in_turn_until_the_end_is_asked_for() {
    let place = Place::with_random_seed();
    let (mut listener, address) = place.listen(&["--keep"]);
    let mut first = place.connect(&address, &[]);
    first.line("session ");
    // The second has a session too, and waits.
    let mut second = place.connect(&address, &[]);
    second.stdin.as_mut().unwrap().write_all(b"second").unwrap();
    drop(second.stdin.take());
    second.line("session ");
    first.stdin.as_mut().unwrap().write_all(b"first, ").unwrap();
    drop(first.stdin.take());
    let (first, second) = (first.end(), second.end());
    assert_eq!((first.code, second.code), (0, 0), "{}", second.stderr);
    assert!(first.stdout.is_empty() && second.stdout.is_empty());
    listener.line("done");
    listener.line("done");
    listener.terminate();
    let listened = listener.end();
    assert_eq!(listened.code, 0, "{}", listened.stderr);
    assert_eq!(listened.text(), "first, second");
}

#[test]
fn a_peer_that_breaks_off_is_a_line_and_no_end() {
    let place = Place::with_random_seed();
    let (mut listener, address) = place.listen(&["--keep", "--idle-timeout", "1"]);
    let mut first = place.connect(&address, &[]);
    listener.line("session ");
    first.line("session ");
    first.kill();
    listener.line("broken off");
    let mut second = place.connect(&address, &[]);
    second.stdin.as_mut().unwrap().write_all(b"second").unwrap();
    drop(second.stdin.take());
    assert_eq!(second.end().code, 0);
    listener.line("done");
    listener.terminate();
    let listened = listener.end();
    assert_eq!((listened.code, listened.text()), (0, "second"));
}

#[test]
fn an_interruption_that_breaks_a_session_off_is_code_five_on_both_sides() {
    let place = Place::with_random_seed();
    let (mut listener, address) = place.listen(&["--keep"]);
    let mut connector = place.connect(&address, &[]);
    let stdin = connector.stdin.as_mut().unwrap();
    stdin.write_all(b"half of it").unwrap();
    listener.line("session ");
    connector.line("session ");
    listener.terminate();
    let (listened, connected) = (listener.end(), connector.end());
    assert_eq!(
        (listened.code, connected.code),
        (5, 5),
        "{}",
        listened.stderr
    );
}

#[test]
fn an_interruption_while_nobody_is_there_is_code_zero() {
    let place = Place::with_random_seed();
    let (listener, _address) = place.listen(&["--keep"]);
    listener.terminate();
    let listened = listener.end();
    assert_eq!(listened.code, 0, "{}", listened.stderr);
}
