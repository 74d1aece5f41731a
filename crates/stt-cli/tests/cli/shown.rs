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
        "forward",
        "node",
        "peers",
        "find",
        "store",
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
    for (names, title) in [
        (&["seed", "new"][..], ".TH stt-seed-new 1"),
        (&["store", "rotate-key"], ".TH stt-store-rotate-key 1"),
    ] {
        let page = place.run(&[&["man"], names].concat());
        assert!(page.text().contains(title), "{}", page.text());
        let plain = page.text().replace("\\-", "-");
        assert!(
            plain.contains(&format!("stt {}", names.join(" "))),
            "{plain}"
        );
    }
    for nothing in [&["man", "nothing"][..], &["man", "seed", "nothing"]] {
        let refused = place.run(nothing);
        assert_eq!(refused.code, 2);
        let named = format!("`{}`", nothing[1..].join(" "));
        assert!(refused.stderr.contains(&named), "{}", refused.stderr);
    }
    for shell in ["bash", "zsh", "fish"] {
        let script = place.run(&["completions", shell]);
        assert!(script.text().contains("listen") && script.text().contains("rotate-key"));
    }
}

#[test]
fn what_makes_no_sense_is_said_as_json_too() {
    let place = Place::empty();
    for arguments in [
        &["--json", "listen", "--no-such-thing"][..],
        &["connect", "nowhere", "--json"],
        &["listen", "--bind", "7000", "--json"],
        &["store", "get", "abc", "--json"],
        &["store", "--json"],
        &["no-such-command", "--json"],
        &["--json"],
    ] {
        let refused = place.run(arguments);
        assert_eq!((refused.code, refused.text()), (2, ""), "{arguments:?}");
        let [error] = &objects(&refused.stderr)[..] else {
            panic!("{arguments:?}: {}", refused.stderr);
        };
        assert_eq!(
            (&error["event"], &error["code"]),
            (&"error".into(), &2.into())
        );
        let message = error["message"].as_str().unwrap();
        assert!(
            !message.is_empty() && !message.contains("Usage") && !message.contains("--help"),
            "{message}"
        );
    }
    let help = place.run(&["--json", "--help"]);
    assert!(help.code == 0 && help.text().contains("Examples:"));
    let behind = place.run(&["no-such-command", "--", "--json"]);
    assert!(behind.stderr.contains("Usage"), "{}", behind.stderr);
}

#[test]
fn answers_about_seeds_and_nodes_are_documents_too() {
    let place = Place::with_random_seed();
    place.run(&["seed", "next", "group.seed"]);
    let id = place.run(&["id", "--data-dir", "here"]);
    let node = place.run(&["id", "--data-dir", "here", "--json"]);
    assert_eq!(objects(node.text())[0]["node"], id.text().trim());
    let checked = place.run(&["seed", "check", "group.seed", "--json"]);
    let checked = &objects(checked.text())[0];
    assert_eq!(checked["epochs"], serde_json::json!([1, 2]));
    assert_eq!(checked["door"], "gated");
    let in_words = place.run(&["seed", "check", "group.seed"]);
    assert!(in_words.text().contains(checked["group"].as_str().unwrap()));
    let open = Place::with_passphrase("correct horse battery");
    let open = open.run(&["seed", "check", "group.seed", "--json"]);
    let open = &objects(open.text())[0];
    assert_eq!(open["door"], "open");
    assert!(open["group"].is_null());
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
