//! A dialler whose listener, or whose proxy, says anything but what it should. On the simulator's clock.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failed step is a failed test"
)]

mod support;

use std::{future::poll_fn, time::Duration};

use stt::{ConnectError, ProxyChoice, WebSocketError};
use stt_sim::{Link, SimStream};
use support::{World, address, in_world};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What somebody says who was asked something.
#[derive(Debug, Clone, Copy)]
enum Says {
    This(&'static str),
    /// This, and then the end.
    AndLeaves(&'static str),
    /// The same byte, again and again, as fast as it is taken.
    Forever,
    /// A byte a second.
    Drips,
    /// The answer that is due, with a line more.
    Yes {
        and: &'static str,
    },
}

/// Takes one connection at host 1, reads what is asked, and says that. Returns how many bytes went out.
async fn serve(world: &World, says: Says) -> usize {
    let mut listener = world.net.listen(address(1)).unwrap();
    let (mut stream, _) = poll_fn(|cx| listener.poll_accept(cx)).await.unwrap();
    let asked = head(&mut stream).await;
    let mut said = 0;
    match says {
        Says::This(text) => {
            stream.write_all(text.as_bytes()).await.unwrap();
            hold(stream).await;
        }
        Says::AndLeaves(text) => stream.write_all(text.as_bytes()).await.unwrap(),
        Says::Forever => {
            while stream.write_all(&[b'x'; 1_000]).await.is_ok() {
                said += 1_000;
            }
        }
        Says::Drips => {
            while stream.write_all(b"x").await.is_ok() {
                said += 1;
                world.sim.sleep(Duration::from_secs(1)).await;
            }
        }
        Says::Yes { and } => {
            let answer = yes(&asked, and);
            stream.write_all(answer.as_bytes()).await.unwrap();
            hold(stream).await;
        }
    }
    said
}

async fn head(stream: &mut SimStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// Until the other side is gone.
async fn hold(mut stream: SimStream) {
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

/// What is due, and a line more.
fn yes(asked: &str, and: &str) -> String {
    let (_, _, answer) = stt::fuzzing::request(asked.as_bytes()).unwrap();
    format!("{}\r\n{and}\r\n\r\n", answer.trim_end())
}

/// What a dial comes to whose listener, or whose proxy, is at host 1 and says this; and how much was
/// taken of it.
fn outcome(says: Says, goes: Goes) -> (ConnectError, usize) {
    in_world(1, Link::wan(), |sim, world| async move {
        let (choice, host) = match goes {
            Goes::Straight => (ProxyChoice::Direct, address(1)),
            Goes::ByProxy => {
                let proxy = format!("http://{}", address(1));
                (ProxyChoice::At(proxy), address(3))
            }
        };
        let dialler = world.start(world.builder(2).proxy(choice)).await;
        let url = format!("ws://{host}");
        let dialling = async {
            let error = dialler.connect_ws(&url).await.unwrap_err();
            assert!(sim.elapsed() < Duration::from_secs(11), "{says:?}");
            error
        };
        let (said, error) = tokio::join!(serve(&world, says), dialling);
        (error, said)
    })
}

/// Why there is no WebSocket.
fn reason(says: Says, goes: Goes) -> WebSocketError {
    match outcome(says, goes).0 {
        ConnectError::WebSocket { reason, .. } => reason,
        error => panic!("{says:?}: {error}"),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goes {
    Straight,
    ByProxy,
}

#[test]
fn an_upgrade_to_more_than_was_asked_for_is_no_upgrade() {
    for and in [
        "Sec-WebSocket-Extensions: permessage-deflate",
        "Sec-WebSocket-Extensions: a\r\nSec-WebSocket-Extensions: b",
        "Sec-WebSocket-Protocol: chat",
        "Sec-WebSocket-Accept: another",
        "Upgrade websocket",
    ] {
        let error = reason(Says::Yes { and }, Goes::Straight);
        assert!(matches!(error, WebSocketError::Foreign), "{and}: {error}");
    }
}

#[test]
fn nobody_is_followed_to_another_place() {
    let redirect = "HTTP/1.1 302 Found\r\nLocation: ws://10.0.0.3:4000/\r\n\r\n";
    let error = reason(Says::This(redirect), Goes::Straight);
    assert!(matches!(error, WebSocketError::Refused { status: 302 }));
    let error = reason(Says::This(redirect), Goes::ByProxy);
    assert!(matches!(
        error,
        WebSocketError::ProxyRefused { status: 302 }
    ));
}

#[test]
fn what_is_no_answer_is_told_apart_from_an_end() {
    for goes in [Goes::Straight, Goes::ByProxy] {
        for nonsense in ["SSH-2.0-x\r\n\r\n", "HTTP/1.1 20 x\r\n\r\n", "\r\n\r\n"] {
            let error = reason(Says::This(nonsense), goes);
            assert!(
                matches!(error, WebSocketError::Foreign),
                "{nonsense}: {error}"
            );
        }
        for cut in ["", "HTTP/1.1 200 OK\r\n"] {
            let error = reason(Says::AndLeaves(cut), goes);
            assert!(matches!(error, WebSocketError::Cut(_)), "{cut}: {error}");
        }
    }
    let eager = "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n\r\n";
    let error = reason(Says::This(eager), Goes::ByProxy);
    assert!(matches!(error, WebSocketError::Foreign), "{error}");
}

#[test]
fn an_answer_without_end_is_given_up_at_its_bound_in_bytes() {
    for goes in [Goes::Straight, Goes::ByProxy] {
        let (error, said) = outcome(Says::Forever, goes);
        let is_foreign = matches!(
            error,
            ConnectError::WebSocket {
                reason: WebSocketError::Foreign,
                ..
            }
        );
        assert!(is_foreign, "{error}");
        // Besides what was read, a window of the connection's.
        assert!(said < 280_000, "{said}");
    }
}

#[test]
fn an_answer_without_end_is_given_up_at_its_bound_in_time() {
    for goes in [Goes::Straight, Goes::ByProxy] {
        let (error, said) = outcome(Says::Drips, goes);
        assert!(matches!(error, ConnectError::NoAnswer { .. }), "{error}");
        assert!(said < 12, "{said}");
    }
}
