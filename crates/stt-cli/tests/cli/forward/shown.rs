//! What a forward says, for people and for programs.

use serde_json::Value;

use super::{Forward, echo, exchange};
use crate::command::Place;

fn events(lines: &str) -> Vec<Value> {
    let objects = lines.lines().map(serde_json::from_str);
    objects.map(Result::unwrap).collect()
}

#[test]
fn events_as_json_tell_of_each_connection() {
    let place = Place::with_random_seed();
    let served = echo().to_string();
    let serve = ["forward", "--serve", &served, "--bind", "127.0.0.1:0"];
    let options = ["--seed-file", "group.seed", "--json"];
    let mut serving = place.start(&[&serve[..], &options].concat());
    let listening: Value = serde_json::from_str(&serving.line("listening")).unwrap();
    let peer = listening["address"].as_str().unwrap();
    let mut local = place.start(&[&["forward", "127.0.0.1:0", peer][..], &options].concat());
    let forwarding: Value = serde_json::from_str(&local.line("forwarding")).unwrap();
    assert_eq!(forwarding["to"], peer);
    let entrance = forwarding["local"].as_str().unwrap();
    exchange(super::connect(entrance), b"hello").unwrap();
    local.line("connection_closed");
    serving.line("connection_closed");
    local.terminate();
    let local = local.end();
    serving.terminate();
    let serving = serving.end();
    assert_eq!((local.code, serving.code), (0, 0));
    for said in [events(&local.stderr), events(&serving.stderr)] {
        let closed = said
            .iter()
            .find(|event| event["event"] == "connection_closed");
        let closed = closed.unwrap();
        assert_eq!((&closed["ok"], &closed["sent"]), (&true.into(), &5.into()));
        assert_eq!((&closed["id"], &closed["received"]), (&1.into(), &5.into()));
        assert!(said.iter().any(|event| event["event"] == "session"));
        assert!(said.iter().any(|event| event["event"] == "connection"));
    }
}

#[test]
fn people_are_told_of_each_connection_only_if_they_ask() {
    let place = Place::with_random_seed();
    let mut forward = Forward::with(&place, echo(), &[], &["-v"]);
    exchange(forward.connect(), b"hello").unwrap();
    let line = forward.local.line("connection 1 from 127.0.0.1:");
    assert!(!line.contains("done"), "{line}");
    let line = forward.local.line("done; sent 5 bytes, received 5 in ");
    assert!(line.starts_with("connection 1 from "), "{line}");
    forward.local.terminate();
    assert_eq!(forward.local.end().code, 0);
    forward.serving.terminate();
    let serving = forward.serving.end();
    assert!(!serving.stderr.contains("connection"), "{}", serving.stderr);
}
