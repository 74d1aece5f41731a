//! A connection that breaks on one side breaks on the other, and never looks whole.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
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
    let place = Place::with_random_seed();
    let (listener, address) = target();
    let forward = Forward::to(&place, address);
    let mut stream = forward.connect();
    let mut at_target = accept(&listener);
    let answer = crate::command::bytes(1_000_000, 9);
    // It answers, says that this is all, and is gone; the program goes on sending.
    at_target.write_all(&answer).unwrap();
    at_target.shutdown(Shutdown::Write).unwrap();
    wait_until_all_was_taken(&at_target);
    drop(at_target);
    let mut sending = stream.try_clone().unwrap();
    let _ = sending.write_all(&[7; 10_000]);
    let mut came = vec![0; answer.len()];
    stream.read_exact(&mut came).unwrap();
    assert!(came == answer);
}

/// Waits until the other end of a connection has confirmed everything, and the end of it. A socket that is gone sooner
/// throws away what it had not sent when bytes come that nobody takes, and no forward could bring that back.
fn wait_until_all_was_taken(stream: &TcpStream) {
    const FIN_WAIT_2: &str = "05";
    let port = format!(":{:04X}", stream.local_addr().unwrap().port());
    let is_taken = || {
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let mut rows = table.lines().map(|line| line.split_whitespace());
        rows.any(|mut row| {
            let is_ours = row.nth(1).is_some_and(|local| local.ends_with(&port));
            is_ours && row.nth(1) == Some(FIN_WAIT_2)
        })
    };
    let began = std::time::Instant::now();
    while !is_taken() {
        assert!(began.elapsed() < super::PATIENCE, "it takes not all");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
