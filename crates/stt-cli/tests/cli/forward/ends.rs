//! A connection that breaks on one side breaks on the other, and never looks whole.

use std::{
    io::{Read, Write},
    net::TcpListener,
};

use socket2::SockRef;

use super::{Forward, accept, assert_reset, target};
use crate::command::Place;

#[test]
fn a_target_that_refuses_is_a_reset_and_a_line() {
    let place = Place::with_random_seed();
    let (listener, address) = target();
    let mut forward = Forward::to(&place, address);
    drop(listener);
    assert_reset(&forward.connect());
    forward.local.line("the peer's target refused");
    forward.serving.line("refused");

    // It is tried anew each time.
    let listener = TcpListener::bind(address).unwrap();
    let mut stream = forward.connect();
    let mut at_target = accept(&listener);
    stream.write_all(b"hello").unwrap();
    at_target.read_exact(&mut [0; 5]).unwrap();
}

#[test]
fn a_reset_stays_a_reset_both_ways() {
    let place = Place::with_random_seed();
    let (listener, address) = target();
    let forward = Forward::to(&place, address);
    for program_resets in [true, false] {
        let mut stream = forward.connect();
        let mut at_target = accept(&listener);
        stream.write_all(b"hello").unwrap();
        at_target.read_exact(&mut [0; 5]).unwrap();
        at_target.write_all(b"hello").unwrap();
        stream.read_exact(&mut [0; 5]).unwrap();
        let (resetter, other) = if program_resets {
            (stream, at_target)
        } else {
            (at_target, stream)
        };
        SockRef::from(&resetter)
            .set_linger(Some(std::time::Duration::ZERO))
            .unwrap();
        drop(resetter);
        other.set_read_timeout(Some(super::PATIENCE)).unwrap();
        assert_reset(&other);
    }
}

#[test]
fn a_reset_is_noticed_while_both_directions_stand_still() {
    let place = Place::with_random_seed();
    let (listener, address) = target();
    let mut forward = Forward::to(&place, address);
    let mut stream = forward.connect();
    let at_target = accept(&listener);
    stream.set_nonblocking(true).unwrap();
    let mut idle = 0;
    while idle < 20 {
        idle = stream.write(&[7; 1 << 14]).map_or(idle + 1, |_| 0);
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    SockRef::from(&stream)
        .set_linger(Some(std::time::Duration::ZERO))
        .unwrap();
    drop(stream);
    forward.local.line("broken off");
    // The target has not read anything yet, and is told all the same.
    forward.serving.line("broken off: reset on the other side");
    drop(at_target);
}

#[test]
fn bytes_before_the_end_arrive_although_the_target_takes_no_more() {
    const LEN: usize = 3_000_000;
    let place = Place::with_random_seed();
    let (listener, address) = target();
    let forward = Forward::to(&place, address);
    let mut stream = forward.connect();
    let mut at_target = accept(&listener);
    // It answers, says that this is all, and is gone; the program goes on sending.
    let answer = crate::command::bytes(LEN, 9);
    let answering = std::thread::spawn(move || {
        at_target.write_all(&answer).unwrap();
        drop(at_target);
        answer
    });
    let mut came = vec![0; LEN];
    stream.read_exact(&mut came[..1_000_000]).unwrap();
    // Were it still there, closing with our bytes unread would make its kernel throw away
    // what it had not sent yet, and no forward could bring that back.
    let answer = answering.join().unwrap();
    let mut sending = stream.try_clone().unwrap();
    let _ = sending.write_all(&[7; 10_000]);
    stream.read_exact(&mut came[1_000_000..]).unwrap();
    assert!(came == answer);
}
