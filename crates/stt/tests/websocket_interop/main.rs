//! WebSockets with another implementation at one end: Python's `websockets`, and the cases of the
//! Autobahn test suite. [`stt_interop`] installs them; what they are told to do is in the scripts.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

#[path = "../raw_websocket/mod.rs"]
mod raw_websocket;

use std::{net::SocketAddr, path::PathBuf, process::Stdio, time::Duration};

use raw_websocket::{listener, tag};
use stt::{Disclosure, Group, Limits, Node, NodeBuilder, PathKind, Session, SystemEntropy};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

const MIB: usize = 1 << 20;
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/websocket_interop");

/// Pings, reserved bits, opcodes, fragments, closes.
const CASES: &str = "2.*,3.*,4.*,5.*,7.*";

/// Those of them that begin with text, which is closed with 1003, or want their messages back.
const NOT_FOR_US: &str = "3.2,3.3,3.4,4.1.3,4.1.4,4.1.5,4.2.3,4.2.4,4.2.5,5.3,5.4,5.5,5.6,5.7,5.8,\
                          5.15,5.19,5.20,7.1.1";

fn python() -> Option<PathBuf> {
    stt_interop::python_or_skip().unwrap()
}

/// The other implementation, running. Ends when it is dropped.
struct Peer {
    _process: Child,
    /// The first line it said.
    said: String,
}

impl Peer {
    async fn start(python: &PathBuf, script: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(python);
        command.arg(format!("{SCRIPTS}/{script}")).args(arguments);
        command.kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(Duration::from_secs(60), lines.next_line());
        let said = line.await.unwrap().unwrap().unwrap_or_default();
        Self {
            _process: process,
            said,
        }
    }

    fn address(&self) -> SocketAddr {
        format!("127.0.0.1:{}", self.said).parse().unwrap()
    }
}

/// What became of a connection that does `what` with a listener.
async fn probe(python: &PathBuf, address: &str, tag: &str, what: &str) -> String {
    let url = format!("ws://{address}/a/prefix/{tag}");
    Peer::start(python, "peer.py", &["probe", &url, what])
        .await
        .said
}

/// A node that tells nobody where it is: its sessions stay on the path they began on.
fn discreet(group: &Group) -> NodeBuilder {
    Node::builder(group.clone())
        .bind("127.0.0.1:0".parse().unwrap())
        .disclosure(Disclosure::Nothing)
}

async fn carries_both_ways(one: &Session, two: &Session) {
    for (from, to) in [(one, two), (two, one)] {
        let data: Vec<u8> = (0..2 * MIB).map(|at| (at * 7 % 251) as u8).collect();
        let (mut send, _) = from.open_stream().await.unwrap();
        let sending = async {
            send.write_all(&data).await.unwrap();
            send.finish().unwrap();
        };
        let receiving = async {
            let (_, mut receive) = to.accept_stream().await.unwrap();
            receive.read_to_end(3 * MIB).await.unwrap()
        };
        let ((), received) = tokio::join!(sending, receiving);
        assert!(received == data);
    }
}

#[tokio::test]
async fn another_implementation_is_let_in_and_answered_as_the_rfc_says() {
    let Some(python) = python() else { return };
    let group = Group::generate(&mut SystemEntropy);
    let mut limits = Limits::default();
    limits.handshake_timeout = Duration::from_secs(2);
    let (_node, address) = listener(&group, limits).await;
    for (what, outcome) in [
        ("ping", "answered"),
        ("leave", "1000"),
        ("text", "1003"),
        ("nothing", "1008"),
        ("too long", "1009"),
        ("too long in fragments", "1009"),
    ] {
        let tag = tag(&group);
        let said = probe(&python, &address, &tag, what).await;
        assert_eq!(said, outcome, "{what}");
    }
}

#[tokio::test]
async fn another_implementation_without_a_members_tag_gets_a_bare_404() {
    let Some(python) = python() else { return };
    let group = Group::generate(&mut SystemEntropy);
    let (_node, address) = listener(&group, Limits::default()).await;
    let another = Group::generate(&mut SystemEntropy);
    for tag in [&tag(&another), "", "index.html"] {
        let said = probe(&python, &address, tag, "ping").await;
        assert_eq!(said, "404 ['Connection: close', 'Content-Length: 0'] 0");
    }
}

/// At an open door, so that one tag opens for all.
#[tokio::test]
async fn the_cases_of_autobahn_on_frames_pings_and_closes_end_as_they_must() {
    let Some(python) = python() else { return };
    let group = Group::from_passphrase("test", "a rather long passphrase for a test").unwrap();
    let (_node, address) = listener(&group, Limits::default()).await;
    let url = format!("ws://{address}/{}", "0".repeat(40));
    let arguments = [&*url, CASES, NOT_FOR_US];
    let said = Peer::start(&python, "autobahn.py", &arguments).await.said;
    assert_eq!(said, "66 passed, [] failed");
}

#[tokio::test]
async fn a_session_whose_dialler_is_another_implementation_carries_bytes_both_ways() {
    let Some(python) = python() else { return };
    let group = Group::generate(&mut SystemEntropy);
    let listening = discreet(&group).listen_ws("127.0.0.1:0".parse().unwrap());
    let listener = listening.start().await.unwrap();
    let url = format!("{}/{}", listener.websocket_addresses()[0], tag(&group));
    let peer = Peer::start(&python, "peer.py", &["dial", &url]).await;
    let dialler = discreet(&group).start().await.unwrap();
    let near = dialler.connect(peer.address()).await.unwrap();
    let far = listener.accept().await.unwrap();
    carries_both_ways(&near, &far).await;
    assert_eq!(near.stats().path.remote, Some(peer.address()));
    assert_eq!(far.stats().path.kind, PathKind::WebSocket);
    near.close().await.unwrap();
}

#[tokio::test]
async fn a_session_whose_listener_is_another_implementation_carries_bytes_both_ways() {
    let Some(python) = python() else { return };
    let group = Group::generate(&mut SystemEntropy);
    let listener = discreet(&group).start().await.unwrap();
    let port = listener.local_addresses()[0].port().to_string();
    let peer = Peer::start(&python, "peer.py", &["listen", &port]).await;
    let dialler = discreet(&group).start().await.unwrap();
    let url = format!("ws://{}/a/prefix", peer.address());
    let near = dialler.connect_ws(&url).await.unwrap();
    let far = listener.accept().await.unwrap();
    carries_both_ways(&near, &far).await;
    assert_eq!(near.stats().path.kind, PathKind::WebSocket);
    assert_eq!(near.stats().path.remote, Some(peer.address()));
    assert_eq!(far.stats().path.kind, PathKind::Udp);
    near.close().await.unwrap();
}
