//! The end of the command: in order, within a limit, and said in the exit code.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
};

use super::{Forward, accept, assert_reset, target};
use crate::command::Place;

/// A connection whose both ends are here.
fn open(forward: &Forward, listener: &std::net::TcpListener) -> (TcpStream, TcpStream) {
    let mut stream = forward.connect();
    let mut at_target = accept(listener);
    stream.write_all(b"hello").unwrap();
    at_target.read_exact(&mut [0; 5]).unwrap();
    (stream, at_target)
}

#[test]
fn an_end_while_nothing_is_open_is_code_zero_on_both_sides() {
    for signal in ["-TERM", "-INT"] {
        let place = Place::with_random_seed();
        let (_listener, address) = target();
        let mut forward = Forward::to(&place, address);
        forward.local.signal(signal);
        let local = forward.local.end();
        assert_eq!(local.code, 0, "{}", local.stderr);
        forward.serving.line("session ");
        forward.serving.signal(signal);
        let serving = forward.serving.end();
        assert_eq!(serving.code, 0, "{}", serving.stderr);
    }
}

#[test]
fn what_is_open_may_come_to_its_end_and_nothing_new_begins() {
    for local_ends in [true, false] {
        let place = Place::with_random_seed();
        let (listener, address) = target();
        let mut forward = Forward::to(&place, address);
        let (mut stream, mut at_target) = open(&forward, &listener);
        let ending = if local_ends {
            &mut forward.local
        } else {
            &mut forward.serving
        };
        ending.terminate();
        ending.line("1 connection may end within");
        if local_ends {
            assert!(TcpStream::connect(&forward.entrance).is_err());
        }
        stream.write_all(b"more").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut came = String::new();
        at_target.read_to_string(&mut came).unwrap();
        at_target.write_all(b"answer").unwrap();
        drop(at_target);
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!((came.as_str(), answer.as_str()), ("more", "answer"));
        let ending = if local_ends {
            forward.local
        } else {
            forward.serving
        };
        let ended = ending.end();
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    }
}

#[test]
fn what_does_not_end_in_time_is_reset_and_code_five() {
    for local_ends in [true, false] {
        let place = Place::with_random_seed();
        let (listener, address) = target();
        let drain = ["--drain", "0.3"];
        let forward = Forward::with(&place, address, &drain, &drain);
        let (stream, at_target) = open(&forward, &listener);
        let ending = if local_ends {
            forward.local
        } else {
            forward.serving
        };
        ending.terminate();
        let ended = ending.end();
        assert_eq!(ended.code, 5, "{}", ended.stderr);
        assert!(
            ended.stderr.contains("1 connection broken off"),
            "{}",
            ended.stderr
        );
        assert_reset(&stream);
        at_target.set_read_timeout(Some(super::PATIENCE)).unwrap();
        assert_reset(&at_target);
    }
}

#[test]
fn a_second_interruption_cuts_off_at_once() {
    let place = Place::with_random_seed();
    let (listener, address) = target();
    let mut forward = Forward::with(&place, address, &[], &["--drain", "3000"]);
    let (stream, _at_target) = open(&forward, &listener);
    forward.local.terminate();
    forward.local.line("interrupt again to cut off");
    forward.local.terminate();
    let ended = forward.local.end();
    assert_eq!(ended.code, 5, "{}", ended.stderr);
    assert_reset(&stream);
}
