//! Members that do not keep to what a stream says first.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use stt::{Group, Node, ReadError, Session};

use super::{accept, echo, serve_at, target};
use crate::command::{Place, Running};

/// A member without the command, and its session with a serving side.
struct Member {
    _serving: Running,
    node: Node,
    session: Session,
    peer: String,
}

impl Member {
    async fn reach(place: &Place, more: &[&str]) -> Self {
        let (serving, peer) = serve_at(place, "127.0.0.1:0", more);
        let group = Group::parse(&place.read("group.seed")).unwrap();
        let node = Node::builder(group).bind("127.0.0.1:0".parse().unwrap());
        let node = node.start().await.unwrap();
        let session = node.connect(peer.parse::<std::net::SocketAddr>().unwrap());
        Self {
            session: session.await.unwrap(),
            _serving: serving,
            node,
            peer,
        }
    }

    /// What becomes of a stream that begins so.
    async fn ask(&self, first: &[u8]) -> Result<Vec<u8>, ReadError> {
        let (mut send, mut recv) = self.session.open_stream().await.unwrap();
        let _ = send.write_all(first).await;
        let _ = send.finish();
        let mut whole = Vec::new();
        while let Some(piece) = recv.read_bytes(usize::MAX).await? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    }
}

fn assert_untouched(listener: &TcpListener) {
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "the target was reached");
}

fn code(code: u32) -> Result<Vec<u8>, ReadError> {
    Err(ReadError::Reset { code: Some(code) })
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_no_request_for_a_served_target_reaches_nothing() {
    let place = Place::with_random_seed();
    let (listener, address) = target();
    let served = format!("web={address}");
    let member = Member::reach(&place, &["--serve", &served]).await;
    let named = |name: &[u8]| [b"STTF\x01", &[name.len() as u8][..], name].concat();
    // Not a request; another version; a name too long, cut short, or of other bytes.
    for malformed in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"",
        b"STTF",
        b"STTF\x02\x03web",
        b"STTF\x01\x04web",
        &named(&[b'x'; 65]),
        &named(&[b'x'; 255]),
        &named(b"we\0"),
        &named(address.to_string().as_bytes()),
        &named(b"../etc"),
    ] {
        assert_eq!(member.ask(malformed).await, code(5), "{malformed:?}");
    }
    // A request for what is not served.
    for unserved in [
        &named(b"")[..],
        &named(b"WEB"),
        &named(b"web2"),
        &named(b"127.0.0.1"),
    ] {
        assert_eq!(member.ask(unserved).await, code(3), "{unserved:?}");
    }
    assert_untouched(&listener);
    let (mut send, _recv) = member.session.open_stream().await.unwrap();
    send.write_all(&named(b"web")).await.unwrap();
    accept(&listener);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_comes_byte_by_byte_is_one() {
    let place = Place::with_random_seed();
    let served = echo().to_string();
    let member = Member::reach(&place, &["--serve", &served]).await;
    let (mut send, mut recv) = member.session.open_stream().await.unwrap();
    for byte in b"STTF\x01\x00hello" {
        send.write_all(&[*byte]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    send.finish().unwrap();
    assert_eq!(recv.read_to_end(100).await.unwrap(), b"hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_say_nothing_count_among_those_of_the_peer_and_are_ended() {
    let place = Place::with_random_seed();
    let served = echo().to_string();
    let arguments = ["--serve", &served, "--connections", "3"];
    let member = Member::reach(&place, &arguments).await;
    let mut silent = Vec::new();
    for _ in 0..3 {
        let (mut send, recv) = member.session.open_stream().await.unwrap();
        send.write_all(b"S").await.unwrap();
        silent.push((send, recv));
    }
    // Another session has streams of its own, and the same owner.
    let address = member.peer.parse::<std::net::SocketAddr>().unwrap();
    let other = member.node.connect(address).await.unwrap();
    // The first ones may be on their way still.
    let until = Instant::now() + Duration::from_secs(9);
    let refused = loop {
        assert!(
            Instant::now() < until,
            "another session has room of its own"
        );
        let (mut send, mut recv) = other.open_stream().await.unwrap();
        send.write_all(b"STTF\x01\x00x").await.unwrap();
        send.finish().unwrap();
        match recv.read_to_end(100).await {
            Ok(echoed) => assert_eq!(echoed, b"x"),
            Err(refused) => break refused,
        }
    };
    let too_many = ReadError::Reset { code: Some(4) };
    assert_eq!(refused, stt::ReadToEndError::Read(too_many));
    for (_send, mut recv) in silent {
        let ended = recv.read(&mut [0; 1]).await;
        assert_eq!(ended, Err(ReadError::Reset { code: Some(5) }));
    }
    assert_eq!(member.ask(b"STTF\x01\x00hello").await.unwrap(), b"hello");
}
