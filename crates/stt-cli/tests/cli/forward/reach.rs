//! A peer that goes away and comes back, and those who are no peers.

use std::{
    io::{Read, Write},
    time::Duration,
};

use super::{Forward, assert_reset, connect, echo, exchange, forward, serve_at, target};
use crate::command::Place;

#[test]
fn connections_work_again_after_the_peer_was_killed_and_started_anew() {
    let place = Place::with_random_seed();
    let target = echo();
    let mut running = Forward::with(&place, target, &[], &["--drain", "0.2"]);
    assert_eq!(exchange(running.connect(), b"before").unwrap(), b"before");
    let mut open = running.connect();
    open.write_all(b"open").unwrap();
    open.read_exact(&mut [0; 4]).unwrap();
    running.serving.kill();
    let target = target.to_string();
    let (_serving, _) = serve_at(&place, &running.peer, &["--serve", &target]);
    // So long that the session is not taken to live any more.
    std::thread::sleep(Duration::from_millis(2_100));
    let after = exchange(connect(&running.entrance), b"after").unwrap();
    assert_eq!(after, b"after");
    // Its idle timeout was not waited for, and what it carried ends in a reset.
    running.local.line("it is silent");
    running.local.terminate();
    assert_reset(&open);
}

#[test]
fn connections_work_again_after_the_peer_ended_in_order_and_was_started_anew() {
    let place = Place::with_random_seed();
    let target = echo();
    let mut running = Forward::to(&place, target);
    running.serving.terminate();
    assert_eq!(running.serving.end().code, 0);
    running.local.line("reaching it again");
    // This one waits until there is a peer again.
    let waiting = connect(&running.entrance);
    let target = target.to_string();
    let (_serving, _) = serve_at(&place, &running.peer, &["--serve", &target]);
    assert_eq!(exchange(waiting, b"after").unwrap(), b"after");
}

#[test]
fn a_connection_that_waited_too_long_for_the_peer_is_reset() {
    let place = Place::with_random_seed();
    let mut running = Forward::with(&place, echo(), &[], &["--hold", "0.5"]);
    running.serving.terminate();
    assert_eq!(running.serving.end().code, 0);
    running.local.line("reaching it again");
    assert_reset(&connect(&running.entrance));
    running.local.line("the peer was not reached in time");
}

#[test]
fn a_stranger_gets_nothing_and_its_port_is_closed_again() {
    let place = Place::with_random_seed();
    let (listener, address) = target();
    let served = address.to_string();
    let (_serving, peer) = serve_at(&place, "127.0.0.1:0", &["--serve", &served]);
    let stranger = Place::with_random_seed();
    let arguments = ["forward", "127.0.0.1:0", &peer, "--seed-file", "group.seed"];
    let ended = stranger.run(&[&arguments[..], &["--timeout", "1"]].concat());
    assert_eq!(ended.code, 4, "{}", ended.stderr);
    assert!(!ended.stderr.contains("forwarding"), "{}", ended.stderr);
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "the target was reached");
}

#[test]
fn a_wrong_passphrase_and_a_wrong_peer_end_with_their_codes() {
    let place = Place::with_passphrase("correct horse battery");
    let (_serving, peer) = serve_at(&place, "127.0.0.1:0", &["--serve", "127.0.0.1:9"]);
    let arguments = ["forward", "127.0.0.1:0", &peer, "--seed-file", "group.seed"];
    let stranger = Place::with_passphrase("incorrect horse battery");
    assert_eq!(stranger.run(&arguments).code, 3);
    let somebody = place.run(&["id", "--data-dir", "somebody"]);
    let pinned = ["--peer", somebody.text().trim()];
    assert_eq!(place.run(&[&arguments[..], &pinned].concat()).code, 6);
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_done() {
    let place = Place::with_random_seed();
    for arguments in [
        &["forward"][..],
        &["forward", "127.0.0.1:0"],
        &[
            "forward",
            "127.0.0.1:0",
            "127.0.0.1:1",
            "--serve",
            "127.0.0.1:1",
        ],
        &[
            "forward",
            "127.0.0.1:0",
            "127.0.0.1:1",
            "--bind",
            "127.0.0.1:0",
        ],
        &[
            "forward",
            "--serve",
            "127.0.0.1:1",
            "--serve",
            "127.0.0.1:2",
        ],
        &[
            "forward",
            "--serve",
            "a=127.0.0.1:1",
            "--serve",
            "a=127.0.0.1:2",
        ],
        &["forward", "--serve", "127.0.0.1"],
        &["forward", "127.0.0.1:0", "127.0.0.1:1", "--service", "a b"],
        &[
            "forward",
            "127.0.0.1:0",
            "127.0.0.1:1",
            "--connections",
            "0",
        ],
    ] {
        let refused = place.run(&[arguments, &["--seed-file", "group.seed"]].concat());
        assert_eq!(refused.code, 2, "{arguments:?}: {}", refused.stderr);
    }
    let (_taken, address) = target();
    let (_serving, peer) = serve_at(&place, "127.0.0.1:0", &["--serve", "127.0.0.1:9"]);
    let local = address.to_string();
    let taken = place.run(&["forward", &local, &peer, "--seed-file", "group.seed"]);
    assert_eq!(taken.code, 1, "{}", taken.stderr);
    assert!(
        taken.stderr.contains("cannot listen on 127.0.0.1:"),
        "{}",
        taken.stderr
    );
}

#[test]
fn more_local_connections_than_may_be_wait_for_their_turn() {
    let place = Place::with_random_seed();
    let served = echo().to_string();
    let (_serving, peer) = serve_at(&place, "127.0.0.1:0", &["--serve", &served]);
    let (_local, entrance) = forward(&place, &peer, &["--connections", "1"]);
    let mut first = connect(&entrance);
    first.write_all(b"first").unwrap();
    first.read_exact(&mut [0; 5]).unwrap();
    let mut second = connect(&entrance);
    second.write_all(b"second").unwrap();
    second
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    assert!(
        second.read(&mut [0; 6]).is_err(),
        "it had its turn too early"
    );
    drop(first);
    second.set_read_timeout(Some(super::PATIENCE)).unwrap();
    let mut came = [0; 6];
    second.read_exact(&mut came).unwrap();
    assert_eq!(&came, b"second");
}
