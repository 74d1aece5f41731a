//! WebSockets in TLS, and through proxies, over real sockets.

#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::{net::SocketAddr, time::Duration};

use stt::{
    Certificates, ConnectError, Group, Node, PathKind, ProxyChoice, ProxyError, Session,
    SystemEntropy, Target, TlsIdentity, TlsIdentityError, WebSocketError,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// A certificate for this host, signed by itself, and its key.
fn certificate() -> (String, String) {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

async fn listener(group: &Group, certificate: &(String, String)) -> Node {
    let identity = TlsIdentity::from_pem(certificate.0.as_bytes(), certificate.1.as_bytes());
    let builder = Node::builder(group.clone()).bind(any_port());
    let builder = builder.listen_wss(any_port(), identity.unwrap());
    builder.start().await.unwrap()
}

async fn dialler(group: &Group, proxy: ProxyChoice) -> Node {
    let builder = Node::builder(group.clone()).bind(any_port());
    builder.proxy(proxy).start().await.unwrap()
}

async fn carries(near: &Session, listener: &Node) {
    let far = listener.accept().await.unwrap();
    near.send_on_stream(1, vec![7; 100_000]).await.unwrap();
    let packet = listener.receive().next().await.unwrap();
    assert_eq!(packet.data.len(), 100_000);
    assert_eq!(near.stats().path.kind, PathKind::WebSocket);
    near.close().await.unwrap();
    far.closed().await;
}

#[tokio::test]
async fn a_session_in_tls_works_with_a_certificate_that_was_pinned_or_with_any() {
    let group = Group::generate(&mut SystemEntropy);
    let certificate = certificate();
    let listener = listener(&group, &certificate).await;
    let dialler = dialler(&group, ProxyChoice::Direct).await;
    let url = listener.websocket_addresses()[0].to_string();
    assert!(url.starts_with("wss://"));
    for certificates in [
        Certificates::Any,
        Certificates::Below(certificate.0.clone().into_bytes()),
    ] {
        let target = Target::ws(&url).certificates(certificates);
        let session = dialler.connect(target).await.unwrap();
        carries(&session, &listener).await;
    }
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_is_refused_unless_any_will_do() {
    let group = Group::generate(&mut SystemEntropy);
    let listener = listener(&group, &certificate()).await;
    let dialler = dialler(&group, ProxyChoice::Direct).await;
    let url = listener.websocket_addresses()[0].to_string();
    let another = certificate().0.into_bytes();
    for certificates in [Certificates::OfTheSystem, Certificates::Below(another)] {
        let target = Target::ws(&url).certificates(certificates);
        let error = dialler.connect(target).await.unwrap_err();
        assert!(
            matches!(
                error,
                ConnectError::WebSocket {
                    reason: WebSocketError::Tls(_),
                    ..
                }
            ),
            "{error}"
        );
    }
}

#[tokio::test]
async fn behind_tls_a_stranger_gets_the_same_404() {
    let group = Group::generate(&mut SystemEntropy);
    let listener = listener(&group, &certificate()).await;
    let stranger = dialler(&Group::generate(&mut SystemEntropy), ProxyChoice::Direct).await;
    let url = listener.websocket_addresses()[0].to_string();
    let target = Target::ws(&url).certificates(Certificates::Any);
    let error = stranger.connect(target).await.unwrap_err();
    assert!(matches!(
        error,
        ConnectError::WebSocket {
            reason: WebSocketError::Refused { status: 404 },
            ..
        }
    ));
}

#[tokio::test]
async fn who_speaks_no_tls_to_a_listener_in_tls_is_let_go_in_time() {
    let group = Group::generate(&mut SystemEntropy);
    let listener = listener(&group, &certificate()).await;
    let address = listener.websocket_addresses()[0].address;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"\x16\x03").await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer));
    let _ = read.await.expect("a stalled handshake ends");
}

#[test]
fn what_is_no_identity_says_why() {
    let (chain, key) = certificate();
    let another = certificate().1;
    let made = |chain: &str, key: &str| TlsIdentity::from_pem(chain.as_bytes(), key.as_bytes());
    assert!(matches!(made("", &key), Err(TlsIdentityError::Certificate)));
    assert!(matches!(made(&chain, "x"), Err(TlsIdentityError::Key)));
    assert!(matches!(
        made(&chain, &another),
        Err(TlsIdentityError::Unusable(_))
    ));
    made(&chain, &key).unwrap();
}

/// A proxy that lets through whoever knows the password; returns what it was asked.
async fn proxy(password: &'static str) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind(any_port()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        let mut asked = String::new();
        while !asked.ends_with("\r\n\r\n") {
            stream.read_line(&mut asked).await.unwrap();
        }
        if !asked.contains(password) {
            let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
            stream.write_all(refusal).await.unwrap();
            return asked;
        }
        let host = asked.split(' ').nth(1).unwrap();
        let mut through = TcpStream::connect(host).await.unwrap();
        stream
            .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
            .await
            .unwrap();
        let _ = copy_bidirectional(&mut stream, &mut through).await;
        asked
    });
    (address, serving)
}

#[tokio::test]
async fn a_proxy_is_asked_to_let_us_through_and_does() {
    let group = Group::generate(&mut SystemEntropy);
    let listener = listener(&group, &certificate()).await;
    let host = listener.websocket_addresses()[0].address;
    let (address, serving) = proxy("Basic bWU6c2VjcmV0").await;
    let dialler = dialler(
        &group,
        ProxyChoice::At(format!("http://me:secret@{address}")),
    )
    .await;
    let target = Target::ws(format!("wss://{host}")).certificates(Certificates::Any);
    let session = dialler.connect(target).await.unwrap();
    assert_eq!(session.stats().path.remote, Some(address));
    carries(&session, &listener).await;
    dialler.shutdown(Duration::from_secs(1)).await;
    let asked = serving.await.unwrap();
    assert!(
        asked.starts_with(&format!("CONNECT {host} HTTP/1.1\r\n")),
        "{asked}"
    );
}

#[tokio::test]
async fn a_proxy_that_refuses_is_told_apart_and_no_password_is_shown() {
    let group = Group::generate(&mut SystemEntropy);
    let (address, _serving) = proxy("another").await;
    let choice = ProxyChoice::At(format!("http://me:secret@{address}"));
    let node = dialler(&group, choice).await;
    let error = node.connect_ws("ws://127.0.0.1:9").await.unwrap_err();
    assert!(
        matches!(
            error,
            ConnectError::WebSocket {
                reason: WebSocketError::ProxyRefused { status: 407 },
                ..
            }
        ),
        "{error}"
    );
    assert!(!error.to_string().contains("secret"));
    let node = dialler(&group, ProxyChoice::At("socks5://127.0.0.1:9".into())).await;
    let error = node.connect_ws("ws://127.0.0.1:9").await.unwrap_err();
    assert!(matches!(
        error,
        ConnectError::WebSocket {
            reason: WebSocketError::Proxy(ProxyError::Scheme),
            ..
        }
    ));
}
