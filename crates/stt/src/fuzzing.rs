//! Doors for fuzzers: what is read of HTTP, URLs and the environment. Not part of the API.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::FutureExt;
use tokio::io::{AsyncRead, ReadBuf};

use crate::transport::websocket::{
    answer::Answer,
    head::read_head,
    proxy::{ProxyChoice, decode_status},
    request::Request,
    url::Url,
};

/// Reads a head that comes in pieces of `piece` bytes: the head, and what came behind it.
pub fn head(bytes: &[u8], piece: usize) -> Option<(Vec<u8>, Vec<u8>)> {
    let piece = piece.max(1);
    let mut stream = Pieces { bytes, piece };
    read_head(&mut stream).now_or_never()?.ok()
}

/// A stream that yields so many bytes at a time, or what fits.
struct Pieces<'a> {
    bytes: &'a [u8],
    piece: usize,
}

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let length = self.bytes.len().min(self.piece).min(buffer.remaining());
        let (now, later) = self.bytes.split_at(length);
        buffer.put_slice(now);
        self.bytes = later;
        Poll::Ready(Ok(()))
    }
}

/// Reads a request for an upgrade: its tag, the key to answer, and the answer.
pub fn request(head: &[u8]) -> Option<([u8; 20], String, String)> {
    let request = Request::decode(head)?;
    let answer = Answer::encode(&request);
    Some((request.tag, request.key, answer))
}

/// The head of a request for an upgrade at `url`.
pub fn request_to(url: &str, tag: [u8; 20], nonce: [u8; 16]) -> Option<String> {
    let url: Url = url.parse().ok()?;
    Some(Request::new(tag, nonce).encode(&url))
}

/// Whether this answers a request of this nonce with an upgrade; or the status of a refusal.
///
/// # Errors
///
/// The status; 0 if it is no answer.
pub fn answer(head: &[u8], nonce: [u8; 16]) -> Result<(), u16> {
    match Answer::decode(head, &Request::new([0; 20], nonce)) {
        Answer::Upgraded => Ok(()),
        Answer::Refused(status) => Err(status),
        Answer::Foreign => Err(0),
    }
}

/// Reads a URL and writes it again.
pub fn url(text: &str) -> Option<String> {
    Some(text.parse::<Url>().ok()?.to_string())
}

/// The proxy on the way to `url`, as two variables of the environment say: its host and port, and what
/// it is asked.
pub fn proxy(url: &str, named: &str, exempt: &str) -> Option<(String, u16, String)> {
    let url: Url = url.parse().ok()?;
    let variable = |name: &str| match name {
        "https_proxy" => Some(named.to_owned()),
        "no_proxy" => Some(exempt.to_owned()),
        _ => None,
    };
    let proxy = ProxyChoice::Environment.proxy_to(&url, variable).ok()??;
    let asked = proxy.encode(&url);
    Some((proxy.host, proxy.port, asked))
}

/// The status of a proxy's answer.
pub fn proxy_answer(head: &[u8]) -> Option<u16> {
    decode_status(head)
}
