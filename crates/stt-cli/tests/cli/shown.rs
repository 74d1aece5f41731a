//! What people and programs read: help, man pages, JSON, the demo.

use std::io::Write;

use serde_json::Value;

use crate::command::{Place, bytes};

fn objects(lines: &str) -> Vec<Value> {
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn help_teaches_by_example_and_names_the_exit_codes() {
    let place = Place::empty();
    let help = place.run(&["--help"]);
    assert_eq!(help.code, 0);
    assert!(help.text().contains("Examples:") && help.text().contains("Exit codes:"));
    for command in [
        "seed",
        "id",
        "listen",
        "connect",
        "demo",
        "completions",
        "man",
    ] {
        let help = place.run(&[command, "--help"]);
        assert!(help.text().contains("Examples:"), "{command}");
    }
    assert_eq!(place.run(&["listen", "--no-such-thing"]).code, 2);
    assert!(place.run(&["--version"]).text().starts_with("stt "));
}

#[test]
fn pages_and_completions_are_printed() {
    let place = Place::empty();
    let man = place.run(&["man"]);
    assert!(
        man.text().contains(".TH stt 1") && man.text().contains("Exit codes"),
        "{}",
        man.text()
    );
    assert!(
        place
            .run(&["man", "listen"])
            .text()
            .contains(".TH stt-listen 1")
    );
    assert_eq!(place.run(&["man", "nothing"]).code, 2);
    for shell in ["bash", "zsh", "fish"] {
        assert!(place.run(&["completions", shell]).text().contains("listen"));
    }
}

#[test]
fn status_as_json_is_one_object_a_line() {
    let place = Place::with_random_seed();
    let listen = [
        "--json",
        "listen",
        "--seed-file",
        "group.seed",
        "--bind",
        "127.0.0.1:0",
    ];
    let mut listener = place.start(&listen);
    let listening: Value = serde_json::from_str(&listener.line("listening")).unwrap();
    let address = listening["address"].as_str().unwrap().to_owned();
    let mut connector = place.connect(&address, &["--json"]);
    connector
        .stdin
        .as_mut()
        .unwrap()
        .write_all(b"hello")
        .unwrap();
    drop((connector.stdin.take(), listener.stdin.take()));
    let (listened, connected) = (listener.end(), connector.end());
    assert_eq!((listened.code, connected.code), (0, 0));
    let (listened, connected) = (objects(&listened.stderr), objects(&connected.stderr));
    let events = |lines: &[Value]| {
        lines
            .iter()
            .map(|line| line["event"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(events(&listened), ["listening", "session", "closed"]);
    assert_eq!(events(&connected), ["session", "closed"]);
    assert_eq!(listened[1]["id"], connected[0]["id"]);
    assert_eq!(connected[0]["peer"], listening["node"]);
    assert_eq!(connected[1]["sent"], 5);
    assert_eq!(listened[2]["received"], 5);
}

#[test]
fn an_error_as_json_has_the_exit_code() {
    let place = Place::empty();
    let failed = place.run(&["listen", "--json"]);
    let error = &objects(&failed.stderr)[0];
    assert_eq!(error["event"], "error");
    assert_eq!(error["code"], failed.code);
}

#[test]
fn the_demo_moves_a_file_every_way_there_is() {
    let place = Place::empty();
    std::fs::write(place.path("file"), bytes(3_000_001, 3)).unwrap();
    let shown = place.run(&["demo", "file", "--json"]);
    assert_eq!(shown.code, 0, "{}{}", shown.text(), shown.stderr);
    let document: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(document["ok"], true);
    assert_eq!(document["bytes"], 3_000_001);
    let steps = document["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 9);
    assert!(steps.iter().all(|step| step["ok"] == true));
}

#[test]
fn the_demo_moves_an_empty_file_too_and_refuses_what_is_none() {
    let place = Place::empty();
    std::fs::write(place.path("file"), b"").unwrap();
    let shown = place.run(&["demo", "file"]);
    assert_eq!(shown.code, 0, "{}{}", shown.text(), shown.stderr);
    assert!(shown.text().contains("all 9 steps") && !shown.text().contains('\x1b'));
    assert_eq!(place.run(&["demo", "."]).code, 2);
    assert_eq!(place.run(&["demo", "missing"]).code, 2);
}

#[test]
fn the_demo_moves_itself_when_no_file_is_named() {
    let shown = Place::empty().run(&["demo"]);
    assert_eq!(shown.code, 0, "{}{}", shown.text(), shown.stderr);
    assert!(shown.text().contains("keys changed: "), "{}", shown.text());
}

#[test]
fn a_log_that_no_terminal_shows_has_no_colours_and_the_level_in_the_help_exists() {
    let place = Place::with_random_seed();
    let help = place.run(&["--help"]);
    assert!(help.text().contains("--log info"), "{}", help.text());
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    // A release has no finer level.
    let level = if cfg!(debug_assertions) {
        "trace"
    } else {
        "info"
    };
    let logged = place
        .connect(&address, &["--timeout", "0.2", "--log", level])
        .end();
    assert_eq!(logged.code, 4, "{}", logged.stderr);
    if level == "trace" {
        assert!(logged.stderr.lines().count() > 1, "{}", logged.stderr);
    }
    assert!(!logged.stderr.contains('\x1b'), "{}", logged.stderr);
}
