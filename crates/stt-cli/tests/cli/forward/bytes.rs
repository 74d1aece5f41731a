//! Bytes go through as they are: many, both ways, over many connections.

use std::{
    io::{Read, Write},
    net::Shutdown,
    thread,
};

use super::{Forward, accept, echo, exchange, read_all, serve_at, target};
use crate::command::{Place, bytes};

#[test]
fn sixty_four_mebibytes_go_both_ways_at_once() {
    const LEN: usize = 64 << 20;
    let place = Place::with_random_seed();
    let (listener, address) = target();
    let forward = Forward::to(&place, address);
    let serving = thread::spawn(move || {
        let stream = accept(&listener);
        exchange(stream, &bytes(LEN, 1)).unwrap()
    });
    let came = exchange(forward.connect(), &bytes(LEN, 2)).unwrap();
    assert!(
        came == bytes(LEN, 1),
        "what the target sent is not what came"
    );
    let went = serving.join().unwrap();
    assert!(
        went == bytes(LEN, 2),
        "what was sent is not what the target got"
    );
}

#[test]
fn two_hundred_connections_at_a_time_keep_their_bytes_apart() {
    const LEN: usize = 100_000;
    let place = Place::with_random_seed();
    let forward = Forward::to(&place, echo());
    // All are open before any of them sends.
    let streams: Vec<_> = (0..200).map(|_| forward.connect()).collect();
    let running: Vec<_> = streams
        .into_iter()
        .enumerate()
        .map(|(salt, stream)| {
            thread::spawn(move || {
                let sent = bytes(LEN, 1_000 + 2 * salt as u64);
                assert!(
                    exchange(stream, &sent).unwrap() == sent,
                    "connection {salt}"
                );
            })
        })
        .collect();
    for one in running {
        one.join().unwrap();
    }
}

#[test]
fn bytes_arrive_while_the_sender_keeps_the_connection_open() {
    let place = Place::with_random_seed();
    let forward = Forward::to(&place, echo());
    let mut stream = forward.connect();
    for _ in 0..300 {
        let mut came = [0; 4];
        stream.write_all(b"ping").unwrap();
        stream.read_exact(&mut came).unwrap();
        assert_eq!(&came, b"ping");
    }
}

#[test]
fn either_direction_may_end_first_and_the_other_goes_on() {
    let place = Place::with_random_seed();
    let (listener, address) = target();
    let forward = Forward::to(&place, address);

    let mut asker = forward.connect();
    asker.write_all(b"question").unwrap();
    asker.shutdown(Shutdown::Write).unwrap();
    let mut at_target = accept(&listener);
    let mut question = String::new();
    at_target.read_to_string(&mut question).unwrap();
    at_target.write_all(b"answer").unwrap();
    drop(at_target);
    let mut answer = String::new();
    asker.read_to_string(&mut answer).unwrap();
    assert_eq!((question.as_str(), answer.as_str()), ("question", "answer"));

    let mut told = forward.connect();
    let mut at_target = accept(&listener);
    at_target.write_all(b"news").unwrap();
    at_target.shutdown(Shutdown::Write).unwrap();
    let mut news = String::new();
    told.read_to_string(&mut news).unwrap();
    told.write_all(b"thanks").unwrap();
    drop(told);
    let mut thanks = String::new();
    at_target.read_to_string(&mut thanks).unwrap();
    assert_eq!((news.as_str(), thanks.as_str()), ("news", "thanks"));
}

#[test]
fn readers_that_stand_still_stop_their_own_senders_and_nobody_else() {
    const STALLED: usize = 24;
    let place = Place::with_random_seed();
    let (listener, address) = target();
    let forward = Forward::to(&place, address);
    // Each takes what the sockets and its stream hold, which is more than a default session's window.
    let mut stalled = Vec::new();
    for _ in 0..STALLED {
        let stream = forward.connect();
        let at_target = accept(&listener);
        stream.set_nonblocking(true).unwrap();
        stalled.push((stream, at_target));
    }
    let piece = vec![7; 1 << 16];
    let (mut written, mut idle) = (0, 0);
    while idle < 20 {
        let mut now = 0;
        for (stream, _) in &mut stalled {
            now += stream.write(&piece).unwrap_or(0);
        }
        written += now;
        idle = if now == 0 { idle + 1 } else { 0 };
        thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(
        written > 24 << 20,
        "they hold more than a session's default window: {written}"
    );

    let stream = forward.connect();
    let at_target = accept(&listener);
    let sent = bytes(4 << 20, 5);
    let reading = read_all(at_target);
    let back = exchange(stream, &sent).unwrap();
    assert!(back.is_empty() && reading.join().unwrap().unwrap() == sent);

    let (stream, at_target) = stalled.pop().unwrap();
    stream.set_nonblocking(false).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let late = read_all(at_target).join().unwrap().unwrap();
    assert!(late.len() > 1 << 20 && late.iter().all(|byte| *byte == 7));
}

#[test]
fn a_peer_serves_several_targets_by_name_and_unix_sockets() {
    use std::os::unix::net::{UnixListener, UnixStream};
    let place = Place::with_random_seed();
    let listener = UnixListener::bind(place.path("target.sock")).unwrap();
    let served = format!("plain={}", echo());
    let arguments = ["--serve", &served, "--serve", "unix-1=unix:target.sock"];
    let (_serving, peer) = serve_at(&place, "127.0.0.1:0", &arguments);

    let (_one, entrance) = super::forward(&place, &peer, &["--service", "plain"]);
    assert_eq!(
        exchange(super::connect(&entrance), b"hello").unwrap(),
        b"hello"
    );

    let arguments = [
        "forward",
        "unix:in.sock",
        &peer,
        "--seed-file",
        "group.seed",
    ];
    let mut other = place.start(&[&arguments[..], &["--service", "unix-1"]].concat());
    other.line("forwarding unix:in.sock to ");
    assert_eq!(crate::command::mode(&place.path("in.sock")), 0o600);
    let mut stream = UnixStream::connect(place.path("in.sock")).unwrap();
    let (mut at_target, _) = listener.accept().unwrap();
    stream.write_all(b"question").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut question = String::new();
    at_target.read_to_string(&mut question).unwrap();
    at_target.write_all(b"answer").unwrap();
    drop(at_target);
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!((question.as_str(), answer.as_str()), ("question", "answer"));
    other.terminate();
    assert_eq!(other.end().code, 0);
    assert!(!place.path("in.sock").exists());
}

#[test]
fn a_unix_socket_that_a_killed_process_left_gives_way_and_one_in_use_does_not() {
    let place = Place::with_random_seed();
    let (_serving, peer) = serve_at(&place, "127.0.0.1:0", &["--serve", "127.0.0.1:9"]);
    let arguments = [
        "forward",
        "unix:in.sock",
        &peer,
        "--seed-file",
        "group.seed",
    ];
    let mut first = place.start(&arguments);
    first.line("forwarding ");
    let taken = place.run(&arguments);
    assert_eq!(taken.code, 1, "{}", taken.stderr);
    first.kill();
    assert!(place.path("in.sock").exists());
    place.start(&arguments).line("forwarding ");
}
