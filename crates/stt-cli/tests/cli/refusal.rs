//! Whom nobody answers, whom somebody refuses, and how a shell tells them apart.

use std::{
    net::UdpSocket,
    time::{Duration, Instant},
};

use crate::command::Place;

const NO_ANSWER: &str = "nobody there, UDP blocked, or a different seed";

#[test]
fn a_wrong_passphrase_is_refused_with_code_three() {
    let place = Place::with_passphrase("correct horse battery");
    let (_listener, address) = place.listen(&[]);
    let stranger = Place::with_passphrase("incorrect horse battery");
    let begun = Instant::now();
    let refused = stranger.run(&["connect", &address, "--seed-file", "group.seed"]);
    assert_eq!(refused.code, 3, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("authentication refused"),
        "{}",
        refused.stderr
    );
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn a_wrong_random_seed_meets_silence_with_code_four_and_the_listener_serves_on() {
    let place = Place::with_random_seed();
    let (mut listener, address) = place.listen(&[]);
    drop(listener.stdin.take());
    let stranger = Place::with_random_seed();
    let silence = stranger.run(&[
        "connect",
        &address,
        "--seed-file",
        "group.seed",
        "--timeout",
        "1",
    ]);
    assert_eq!(silence.code, 4, "{}", silence.stderr);
    let message = format!("no answer from {address}: {NO_ANSWER}");
    assert!(silence.stderr.contains(&message), "{}", silence.stderr);

    let member = place.run(&["connect", &address, "--seed-file", "group.seed"]);
    assert_eq!(
        (member.code, listener.end().code),
        (0, 0),
        "{}",
        member.stderr
    );
}

#[test]
fn nobody_there_is_no_answer_with_code_four() {
    let place = Place::with_random_seed();
    // Bound, so that nobody else takes the port, and silent.
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    let silence = place.run(&[
        "connect",
        &address,
        "--seed-file",
        "group.seed",
        "--timeout",
        "1",
    ]);
    assert_eq!(silence.code, 4, "{}", silence.stderr);
    assert!(silence.stderr.contains(NO_ANSWER), "{}", silence.stderr);
}

#[test]
fn silence_at_a_passphrase_may_be_too_many_attempts_and_at_a_random_seed_it_is_not() {
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    for (place, said) in [
        (Place::with_passphrase("correct horse battery"), true),
        (Place::with_random_seed(), false),
    ] {
        let silence = place.connect(&address, &["--timeout", "1"]).end();
        assert_eq!(silence.code, 4, "{}", silence.stderr);
        let message = format!("{NO_ANSWER}, or too many attempts from your network lately");
        assert_eq!(
            silence.stderr.contains(&message),
            said,
            "{}",
            silence.stderr
        );
    }
}

#[test]
fn a_name_without_an_address_is_code_four() {
    let place = Place::with_random_seed();
    let lost = place.run(&[
        "connect",
        "no-such-host.invalid:7000",
        "--seed-file",
        "group.seed",
    ]);
    assert_eq!(lost.code, 4, "{}", lost.stderr);
}

#[test]
fn another_member_than_the_pinned_one_is_code_six() {
    let place = Place::with_random_seed();
    let (_listener, address) = place.listen(&[]);
    let somebody = place.run(&["id", "--data-dir", "somebody"]);
    let pinned = ["--peer", somebody.text().trim()];
    let wrong = place.run(
        &[
            &["connect", &address, "--seed-file", "group.seed"][..],
            &pinned,
        ]
        .concat(),
    );
    assert_eq!(wrong.code, 6, "{}", wrong.stderr);
}

#[test]
fn the_pinned_member_is_served() {
    let place = Place::with_random_seed();
    let id = place.run(&["id", "--data-dir", "here"]);
    let (mut listener, address) = place.listen(&["--data-dir", "here"]);
    drop(listener.stdin.take());
    let pinned = ["--peer", id.text().trim()];
    let right = place.run(
        &[
            &["connect", &address, "--seed-file", "group.seed"][..],
            &pinned,
        ]
        .concat(),
    );
    assert_eq!(right.code, 0, "{}", right.stderr);
}

#[test]
fn dialling_oneself_is_an_error_of_its_own() {
    let place = Place::with_random_seed();
    let (_listener, address) = place.listen(&["--data-dir", "here"]);
    let itself = place.run(&[
        "connect",
        &address,
        "--seed-file",
        "group.seed",
        "--data-dir",
        "here",
    ]);
    assert_eq!(itself.code, 2, "{}", itself.stderr);
    assert!(
        itself.stderr.contains("this very node"),
        "{}",
        itself.stderr
    );
}
