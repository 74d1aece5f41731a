//! Bytes go through as they are, both ways, and each way ends on its own.

use std::{
    io::{Read, Write},
    sync::mpsc,
    thread,
    time::Duration,
};

use crate::command::{Place, Running, bytes};

/// Writes from another thread, so that nobody waits for anybody.
fn feed(running: &mut Running, bytes: Vec<u8>) -> thread::JoinHandle<()> {
    let mut stdin = running.stdin.take().unwrap();
    thread::spawn(move || stdin.write_all(&bytes).unwrap())
}

#[test]
fn twenty_mebibytes_go_both_ways_at_once() {
    let place = Place::with_random_seed();
    let (mut listener, address) = place.listen(&[]);
    let mut connector = place.connect(&address, &[]);
    let (here, there) = (bytes(20 << 20, 1), bytes(20 << 20, 2));
    let feeding = [
        feed(&mut listener, here.clone()),
        feed(&mut connector, there.clone()),
    ];
    let listening = thread::spawn(move || listener.end());
    let connected = connector.end();
    let listened = listening.join().unwrap();
    for fed in feeding {
        fed.join().unwrap();
    }
    assert_eq!(
        (listened.code, connected.code),
        (0, 0),
        "{}",
        connected.stderr
    );
    assert!(
        connected.stdout == here,
        "what the listener sent is not what came"
    );
    assert!(
        listened.stdout == there,
        "what the connector sent is not what came"
    );
}

#[test]
fn nothing_at_all_goes_through_too() {
    let place = Place::with_random_seed();
    let (mut listener, address) = place.listen(&[]);
    drop(listener.stdin.take());
    let connected = place.run(&["connect", &address, "--seed-file", "group.seed"]);
    let listened = listener.end();
    assert_eq!(
        (listened.code, connected.code),
        (0, 0),
        "{}",
        connected.stderr
    );
    assert!(listened.stdout.is_empty() && connected.stdout.is_empty());
}

#[test]
fn bytes_arrive_while_the_sender_still_types() {
    let place = Place::with_random_seed();
    let (mut listener, address) = place.listen(&[]);
    let mut connector = place.connect(&address, &[]);
    for (asker, answerer) in [(0, 1), (1, 0), (0, 1)] {
        let sides = [&mut listener, &mut connector];
        // No end of line, and no end of input.
        sides[asker]
            .stdin
            .as_mut()
            .unwrap()
            .write_all(b"ping")
            .unwrap();
        let mut came = [0; 4];
        sides[answerer]
            .stdout
            .as_mut()
            .unwrap()
            .read_exact(&mut came)
            .unwrap();
        assert_eq!(&came, b"ping");
    }
}

#[test]
fn each_direction_ends_on_its_own() {
    let place = Place::with_random_seed();
    let (mut listener, address) = place.listen(&[]);
    let mut connector = place.connect(&address, &[]);

    // One direction ends, and its reader sees that while the other goes on.
    drop(connector.stdin.take());
    let mut nothing = Vec::new();
    let mut output = listener.stdout.take().unwrap();
    output.read_to_end(&mut nothing).unwrap();
    assert!(nothing.is_empty());

    let mut stdin = listener.stdin.take().unwrap();
    stdin.write_all(b"still here").unwrap();
    let mut came = [0; 10];
    connector
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut came)
        .unwrap();
    assert_eq!(&came, b"still here");
    stdin.write_all(b", and done").unwrap();
    drop(stdin);

    let connected = connector.end();
    assert_eq!(connected.stdout, b", and done");
    assert_eq!((listener.end().code, connected.code), (0, 0));
}

#[test]
fn a_passphrase_in_the_environment_makes_a_pipe() {
    let place = Place::empty();
    let seed = [("STT_SEED", "passphrase:tests:correct horse battery")];
    let mut listener = place.start_with(&["listen", "--bind", "127.0.0.1:0"], &seed);
    let line = listener.line("listening on ");
    let mut connector = place.start_with(&["connect", line.split(' ').nth(2).unwrap()], &seed);
    drop(listener.stdin.take());
    feed(&mut connector, b"hello".to_vec()).join().unwrap();
    assert_eq!(connector.end().code, 0);
    assert_eq!(listener.end().stdout, b"hello");
}

#[test]
fn a_reader_that_waits_makes_the_writer_wait() {
    const WHOLE: usize = 64 << 20;
    const HELD_AT_MOST: usize = 24 << 20;
    let place = Place::with_random_seed();
    let (mut listener, address) = place.listen(&[]);
    drop(listener.stdin.take());
    let mut connector = place.connect(&address, &[]);
    let mut stdin = connector.stdin.take().unwrap();
    let (report, reports) = mpsc::channel();
    let writing = thread::spawn(move || {
        for piece in bytes(WHOLE, 4).chunks(1 << 20) {
            stdin.write_all(piece).unwrap();
            report.send(piece.len()).unwrap();
        }
    });
    // Nobody reads, so at some point no more is taken.
    let mut taken = 0;
    while let Ok(len) = reports.recv_timeout(Duration::from_secs(2)) {
        taken += len;
    }
    assert!(taken < HELD_AT_MOST, "{taken} bytes are held somewhere");

    let listening = thread::spawn(move || listener.end());
    let connected = connector.end();
    let listened = listening.join().unwrap();
    writing.join().unwrap();
    assert_eq!((listened.code, connected.code), (0, 0));
    assert!(listened.stdout == bytes(WHOLE, 4));
}
