//! By WebSocket, and through a relay.

use super::{connect, echo, exchange, forward, word};
use crate::{
    command::{Place, Running, bytes},
    relay::relay,
};

/// Starts the serving side, and waits for a line.
fn serve(place: &Place, more: &[&str], line: &str) -> (Running, String) {
    let target = echo().to_string();
    let arguments = ["forward", "--serve", &target, "--seed-file", "group.seed"];
    let mut serving = place.start(&[&arguments, more].concat());
    let line = serving.line(line);
    (serving, line)
}

/// Bytes go and come back, before the serving side is killed and after it was started anew.
fn works_again_after_a_kill(
    serving: Running,
    again: impl FnOnce() -> Running,
    mut local: Running,
    entrance: &str,
) {
    let sent = bytes(1 << 20, 3);
    assert!(exchange(connect(entrance), &sent).unwrap() == sent);
    serving.kill();
    let _serving = again();
    // So long that the session is not taken to live any more.
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    assert_eq!(exchange(connect(entrance), b"after").unwrap(), b"after");
    local.line("reaching it again");
}

#[test]
fn connections_go_by_websocket_and_do_so_again_after_the_peer_was_killed() {
    let place = Place::with_random_seed();
    let (serving, line) = serve(
        &place,
        &["--bind", "ws://127.0.0.1:0", "--bind", "127.0.0.1:0"],
        "listening on ws://",
    );
    let url = word(&line, 2);
    let (local, entrance) = forward(&place, &url, &[]);
    let again = || {
        serve(
            &place,
            &["--bind", &url, "--bind", "127.0.0.1:0"],
            "listening on ws",
        )
        .0
    };
    works_again_after_a_kill(serving, again, local, &entrance);
}

#[test]
fn connections_go_through_a_relay_and_do_so_again_after_the_peer_was_killed() {
    let place = Place::with_random_seed();
    let (_relay, [at, by_websocket]) = relay(&place);
    let waits = ["--relay", &by_websocket, "--data-dir", "there"];
    let (serving, line) = serve(&place, &waits, "waiting at the relay ");
    let (_, id) = line.split_once(" as ").unwrap();
    let (local, entrance) = forward(&place, id, &["--relay", &at]);
    let again = || serve(&place, &waits, "waiting at the relay ").0;
    works_again_after_a_kill(serving, again, local, &entrance);
}

#[test]
fn a_node_id_without_a_relay_and_a_relay_without_a_node_id_are_refused() {
    let place = Place::with_random_seed();
    let nobody = "a".repeat(52);
    for arguments in [
        &["forward", "127.0.0.1:0", &nobody][..],
        &[
            "forward",
            "127.0.0.1:0",
            "127.0.0.1:9",
            "--relay",
            "127.0.0.1:9",
        ],
    ] {
        let refused = place.run(&[arguments, &["--seed-file", "group.seed"]].concat());
        assert_eq!(refused.code, 2, "{}", refused.stderr);
    }
}
