//! Sessions by WebSocket over real sockets.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::time::Duration;

use stt::{
    Accepting, CloseReason, ConnectError, Group, Limits, Node, PathKind, Session, SystemEntropy,
    Target, UrlError, WebSocketError,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const MIB: usize = 1 << 20;

fn group() -> Group {
    Group::generate(&mut SystemEntropy)
}

async fn listener(group: &Group) -> (Node, String) {
    let builder = Node::builder(group.clone()).bind("127.0.0.1:0".parse().unwrap());
    let node = builder
        .listen_ws("127.0.0.1:0".parse().unwrap())
        .start()
        .await
        .unwrap();
    let url = node.websocket_addresses()[0].to_string();
    (node, url)
}

async fn dialler(group: &Group) -> Node {
    let mut limits = Limits::default();
    limits.handshake_timeout = Duration::from_secs(5);
    let builder = Node::builder(group.clone()).bind("127.0.0.1:0".parse().unwrap());
    builder
        .accepting(Accepting::Nobody)
        .limits(limits)
        .start()
        .await
        .unwrap()
}

async fn pair(group: &Group) -> (Node, Node, Session, Session) {
    let (listener, url) = listener(group).await;
    let dialler = dialler(group).await;
    let near = dialler.connect_ws(&url).await.unwrap();
    let far = listener.accept().await.unwrap();
    (dialler, listener, near, far)
}

#[tokio::test]
async fn a_session_by_websocket_carries_bytes_both_ways_and_ends_in_order() {
    let (_a, _b, near, far) = pair(&group()).await;
    for session in [&near, &far] {
        let path = session.stats().path;
        assert_eq!(path.kind, PathKind::WebSocket);
        assert!(path.remote.unwrap().ip().is_loopback());
    }
    let echo = tokio::spawn(async move {
        let (mut send, mut recv) = far.accept_stream().await.unwrap();
        let received = recv.read_to_end(8 * MIB).await.unwrap();
        send.write_bytes(received.into()).await.unwrap();
        send.finish().unwrap();
        far.closed().await
    });
    let sent: Vec<u8> = (0..8 * MIB).map(|at| (at * 7 % 251) as u8).collect();
    let (mut send, mut recv) = near.open_stream().await.unwrap();
    send.write_bytes(sent.clone().into()).await.unwrap();
    send.finish().unwrap();
    assert!(recv.read_to_end(8 * MIB).await.unwrap() == sent);
    near.close().await.unwrap();
    assert_eq!(echo.await.unwrap(), CloseReason::Done);
}

#[tokio::test]
async fn a_session_of_an_open_door_comes_by_websocket_too() {
    let group = Group::from_passphrase("test", "a rather long passphrase for a test").unwrap();
    let (_a, _b, near, far) = pair(&group).await;
    assert_eq!(near.id(), far.id());
}

#[tokio::test]
async fn whoever_holds_another_seed_gets_a_404_and_is_told_so_without_the_tag() {
    let (node, url) = listener(&group()).await;
    let stranger = dialler(&group()).await;
    let error = stranger.connect_ws(&url).await.unwrap_err();
    let ConnectError::WebSocket { url: said, reason } = &error else {
        panic!("{error}");
    };
    assert_eq!(said, &url);
    assert!(matches!(reason, WebSocketError::Refused { status: 404 }));
    let said = error.to_string();
    let longest = said
        .split(|letter: char| !letter.is_ascii_hexdigit())
        .map(str::len)
        .max();
    assert!(longest < Some(40), "{said}");
    assert_eq!(node.stats().turned_away, 1);
}

#[tokio::test]
async fn what_cannot_be_dialled_says_why() {
    let node = dialler(&group()).await;
    let error = node.connect(Target::ws("http://a")).await.unwrap_err();
    assert!(matches!(
        error,
        ConnectError::Url {
            reason: UrlError::Scheme,
            ..
        }
    ));
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = node.connect_ws(&format!("ws://{free}")).await.unwrap_err();
    assert!(matches!(
        error,
        ConnectError::WebSocket {
            reason: WebSocketError::Tcp { .. },
            ..
        }
    ));
}

#[tokio::test]
async fn whatever_is_asked_without_a_tag_gets_the_same_answer() {
    let (_node, url) = listener(&group()).await;
    let address = url.strip_prefix("ws://").unwrap();
    let upgrade = |path: &str| {
        format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
    };
    for request in [
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc".to_owned(),
        "\u{1}\u{2}garbage\r\n\r\n".to_owned(),
        upgrade("/"),
        upgrade("/00112233445566778899aabbccddeeff00112233"),
        format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(20_000)),
        "GET / HT".to_owned(),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert_eq!(
            String::from_utf8(answer).unwrap(),
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            "{request}"
        );
    }
}

#[tokio::test]
async fn a_shutdown_is_told_and_frees_the_port() {
    let (_dialler, listener, near, _far) = pair(&group()).await;
    let address = listener.websocket_addresses()[0].address;
    listener.shutdown(Duration::from_secs(2)).await;
    assert!(matches!(
        near.closed().await,
        CloseReason::Done | CloseReason::ShutDown { .. }
    ));
    assert!(std::net::TcpListener::bind(address).is_ok());
}
