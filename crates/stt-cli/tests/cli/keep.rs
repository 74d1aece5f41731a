//! `listen --keep`: one peer after the other.

use std::{
    io::Write,
    net::SocketAddr,
    time::{Duration, Instant},
};

use stt::{Group, Node, Session};

use crate::command::{Ended, Place, Running};

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

/// A member that comes and opens nothing, with so many sessions.
async fn onlooker(place: &Place, address: &str, sessions: usize) -> (Node, Vec<Session>) {
    let group = Group::parse(&place.read("group.seed")).unwrap();
    let node = Node::builder(group).bind("127.0.0.1:0".parse().unwrap());
    let node = node.start().await.unwrap();
    let address: SocketAddr = address.parse().unwrap();
    let mut open = Vec::new();
    for _ in 0..sessions {
        open.push(node.connect(address).await.unwrap());
    }
    (node, open)
}

fn say(connector: &mut Running, words: &[u8]) {
    let mut stdin = connector.stdin.take().unwrap();
    stdin.write_all(words).unwrap();
}

fn assert_soon(began: Instant, connected: &Ended) {
    let took = began.elapsed();
    assert_eq!(connected.code, 0, "{}", connected.stderr);
    assert!(took < Duration::from_secs(8), "served after {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_open_no_stream_are_nobodys_turn() {
    let place = Place::with_random_seed();
    let (mut listener, address) = place.listen(&["--keep"]);
    let before = onlooker(&place, &address, 2).await;
    let mut first = place.connect(&address, &[]);
    first.line("session ");
    listener.line("session ");
    // Of those that come while one is served, too.
    let meanwhile = onlooker(&place, &address, 2).await;
    let mut second = place.connect(&address, &[]);
    second.line("session ");
    let began = Instant::now();
    say(&mut first, b"first, ");
    assert_soon(began, &first.end());
    say(&mut second, b"second");
    assert_soon(began, &second.end());
    assert!(!before.1[0].is_closed() && !meanwhile.1[0].is_closed());
    listener.line("done");
    listener.line("done");
    listener.terminate();
    let listened = listener.end();
    assert_eq!((listened.code, listened.text()), (0, "first, second"));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_onlookers_than_there_is_room_for_give_way_to_who_comes() {
    let place = Place::with_random_seed();
    let (listener, address) = place.listen(&["--keep"]);
    let (_node, sessions) = onlooker(&place, &address, 70).await;
    let began = Instant::now();
    let mut connector = place.connect(&address, &[]);
    say(&mut connector, b"here I am");
    assert_soon(began, &connector.end());
    for first in &sessions[..7] {
        let over = tokio::time::timeout(Duration::from_secs(8), first.closed()).await;
        assert!(over.is_ok(), "those that came first");
    }
    assert!(sessions[7..].iter().all(|session| !session.is_closed()));
    listener.terminate();
    let listened = listener.end();
    assert_eq!((listened.code, listened.text()), (0, "here I am"));
}
