//! A WebSocket client that writes its frames byte by byte, over any stream.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test takes what it needs, and a failed step is a failed test"
)]

use std::{fmt::Write, io, time::Duration};

use stt::{Entropy, Group, Limits, Node, SystemEntropy};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

/// A node that listens, and where.
pub async fn listener(group: &Group, limits: Limits) -> (Node, String) {
    let builder = Node::builder(group.clone()).bind("127.0.0.1:0".parse().unwrap());
    let builder = builder.listen_ws("127.0.0.1:0".parse().unwrap());
    let node = builder.limits(limits).start().await.unwrap();
    let address = node.websocket_addresses()[0].address.to_string();
    (node, address)
}

/// A member's tag, as it stands in a path.
pub fn tag(group: &Group) -> String {
    let mut nonce = [0; 8];
    SystemEntropy.fill(&mut nonce);
    let tag = group.newest_seed().gate_tag(&nonce).unwrap();
    let mut hex = String::new();
    for byte in tag {
        write!(hex, "{byte:02x}").unwrap();
    }
    hex
}

pub struct RawClient<S = TcpStream>(pub S);

impl RawClient {
    /// Asks for an upgrade; returns the answer's head too.
    pub async fn ask(address: &str, tag: &str) -> (Self, String) {
        Self::ask_on(TcpStream::connect(address).await.unwrap(), address, tag).await
    }

    pub async fn upgraded(address: &str, tag: &str) -> Self {
        Self::upgraded_on(TcpStream::connect(address).await.unwrap(), address, tag).await
    }

    /// A frame with a mask.
    pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        const MASK: [u8; 4] = [1, 2, 3, 4];
        let mut frame = vec![first];
        match payload.len() {
            len @ 0..126 => frame.push(0x80 | len as u8),
            len => {
                frame.push(0xfe);
                frame.extend((len as u16).to_be_bytes());
            }
        }
        frame.extend(MASK);
        let masked = payload.iter().zip(MASK.into_iter().cycle());
        frame.extend(masked.map(|(byte, mask)| byte ^ mask));
        frame
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> RawClient<S> {
    /// Asks for an upgrade on a stream that there is already.
    pub async fn ask_on(mut stream: S, address: &str, tag: &str) -> (Self, String) {
        let request = format!(
            "GET /a/prefix/{tag} HTTP/1.1\r\nHost: {address}\r\nUpgrade: WebSocket\r\n\
             Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        (Self(stream), String::from_utf8(head).unwrap())
    }

    pub async fn upgraded_on(stream: S, address: &str, tag: &str) -> Self {
        let (client, head) = Self::ask_on(stream, address, tag).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
        client
    }

    /// A peer that has closed already may take no more.
    pub async fn send(&mut self, first: u8, payload: &[u8]) {
        let _ = self.0.write_all(&RawClient::masked(first, payload)).await;
    }

    pub async fn send_raw(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    pub async fn try_send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await
    }

    /// The next frame: its first byte and what is in it. `None` at the end.
    pub async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let read = tokio::time::timeout(Duration::from_secs(10), self.frame_at_last());
        read.await.unwrap()
    }

    /// The same, however long it takes: not every clock is Tokio's.
    pub async fn frame_at_last(&mut self) -> Option<(u8, Vec<u8>)> {
        let first = self.0.read_u8().await.ok()?;
        let len = self.0.read_u8().await.ok()?;
        assert!(len < 126, "no mask, and short");
        let mut payload = vec![0; usize::from(len)];
        self.0.read_exact(&mut payload).await.ok()?;
        Some((first, payload))
    }

    /// The code of the close frame that comes next.
    pub async fn close_code(&mut self) -> Option<u16> {
        let (first, payload) = self.frame().await?;
        assert_eq!(first, 0x88);
        Some(u16::from_be_bytes(*payload.first_chunk()?))
    }
}
