//! `stt node`: runs until it is stopped, says so to whoever asks, and ends in order.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::SocketAddr,
    os::unix::net::UnixDatagram,
    time::Duration,
};

use serde_json::Value;

use crate::{
    command::{Place, Running},
    forward,
};

/// A node on the loopback address, and the first line of its standard output.
fn node(place: &Place, more: &[&str], variables: &[(&str, &str)]) -> (Running, String) {
    let arguments = ["node", "--seed-file", "group.seed", "--bind", "127.0.0.1:0"];
    let mut node = place.start_with(&[&arguments, more].concat(), variables);
    let mut line = String::new();
    let mut stdout = BufReader::new(node.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    (node, line)
}

fn address(line: &str) -> String {
    line.split(' ').nth(2).unwrap().to_owned()
}

#[test]
fn a_node_says_where_it_listens_and_who_it_is_and_ends_in_order() {
    for signal in ["-TERM", "-INT"] {
        let place = Place::with_random_seed();
        let id = place.run(&["id", "--data-dir", "here"]);
        let arguments = ["--bind", "127.0.0.1:0", "--data-dir", "here"];
        let (node, line) = node(&place, &arguments, &[]);
        let (_, id_of_it) = line.trim().split_once(" as ").unwrap();
        assert_eq!(id_of_it, id.text().trim());
        address(&line).parse::<SocketAddr>().unwrap();
        node.signal(signal);
        let ended = node.end();
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    }
}

#[test]
fn every_address_is_a_line_and_with_json_an_object() {
    let place = Place::with_random_seed();
    let arguments = ["node", "--seed-file", "group.seed", "--json"];
    let two = ["--bind", "127.0.0.1:0", "--bind", "127.0.0.1:0"];
    let mut node = place.start(&[&arguments[..], &two].concat());
    let lines = BufReader::new(node.stdout.take().unwrap()).lines().take(2);
    let objects = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let objects: Vec<_> = objects.collect();
    assert!(objects.iter().all(|object| object["event"] == "listening"));
    assert_ne!(objects[0]["address"], objects[1]["address"]);
    assert_eq!(objects[0]["node"], objects[1]["node"]);
}

#[test]
fn a_service_manager_hears_that_it_is_ready_and_that_it_stops() {
    let place = Place::with_random_seed();
    let path = place.path("notify");
    let at_path = UnixDatagram::bind(&path).unwrap();
    let mut managers = vec![(at_path, path.to_str().unwrap().to_owned())];
    #[cfg(target_os = "linux")]
    managers.push(hidden_manager());
    for (manager, name) in managers {
        manager
            .set_read_timeout(Some(Duration::from_secs(50)))
            .unwrap();
        let hear = || {
            let mut said = [0; 100];
            let len = manager.recv(&mut said).unwrap();
            String::from_utf8_lossy(&said[..len]).into_owned()
        };
        let (node, _) = node(&place, &[], &[("NOTIFY_SOCKET", &name)]);
        assert_eq!(hear(), "READY=1");
        node.terminate();
        assert_eq!(hear(), "STOPPING=1");
        assert_eq!(node.end().code, 0);
    }
}

/// In no file system.
#[cfg(target_os = "linux")]
fn hidden_manager() -> (UnixDatagram, String) {
    use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};
    let name = format!("stt-tests-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    (
        UnixDatagram::bind_addr(&address).unwrap(),
        format!("@{name}"),
    )
}

#[test]
fn a_manager_that_does_not_listen_is_no_reason_to_stop() {
    let place = Place::with_random_seed();
    let (mut node, line) = node(&place, &[], &[("NOTIFY_SOCKET", "nobody")]);
    assert!(line.starts_with("listening on "));
    node.line("NOTIFY_SOCKET nobody");
    node.terminate();
    assert_eq!(node.end().code, 0);
}

#[test]
fn sessions_are_told_to_those_who_ask_and_what_is_not_served_is_turned_away() {
    for verbose in [true, false] {
        let place = Place::with_random_seed();
        let more = if verbose { &["-v"][..] } else { &[] };
        let (mut node, line) = node(&place, more, &[]);
        let mut connector = place.connect(&address(&line), &[]);
        connector
            .stdin
            .as_mut()
            .unwrap()
            .write_all(b"hello")
            .unwrap();
        let connected = connector.end();
        assert_eq!(connected.code, 5, "{}", connected.stderr);
        if verbose {
            node.line("session ");
            node.line(" over: aborted by the peer");
        }
        node.terminate();
        let ended = node.end();
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(
            ended.stderr.contains("session "),
            verbose,
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn a_node_brings_connections_to_its_targets_and_stops_with_code_zero() {
    let place = Place::with_random_seed();
    let served = format!("echo={}", forward::echo());
    let arguments = ["--forward", &served, "--drain", "0.2"];
    let (node, line) = node(&place, &arguments, &[]);
    let (_local, entrance) = forward::forward(&place, &address(&line), &["--service", "echo"]);
    let back = forward::exchange(forward::connect(&entrance), b"hello").unwrap();
    assert_eq!(back, b"hello");
    // Open when the node is stopped: cut off, which is what was asked for.
    let mut open = forward::connect(&entrance);
    open.write_all(b"hello").unwrap();
    open.read_exact(&mut [0; 5]).unwrap();
    node.terminate();
    let ended = node.end();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("1 connection broken off"),
        "{}",
        ended.stderr
    );
    forward::assert_reset(&open);
}

#[test]
fn an_address_that_is_taken_is_code_one_and_nobody_hears_ready() {
    let place = Place::with_random_seed();
    let manager = UnixDatagram::bind(place.path("notify")).unwrap();
    let holder = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().to_string();
    let arguments = ["node", "--seed-file", "group.seed", "--bind", &taken];
    let ended = place.run_with(&arguments, &[("NOTIFY_SOCKET", "notify")]);
    assert_eq!((ended.code, ended.text()), (1, ""), "{}", ended.stderr);
    manager.set_nonblocking(true).unwrap();
    assert!(manager.recv(&mut [0; 100]).is_err());
}
