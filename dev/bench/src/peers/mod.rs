//! The libraries that are measured, behind one small trait, so that every scenario is written once.

pub(crate) mod noq;
pub(crate) mod quinn;
pub(crate) mod stt;
mod tls;
pub(crate) mod tungstenite;

use std::{future::Future, net::SocketAddr};

use anyhow::{Context, Result, bail};
use bytes::Bytes;

pub(crate) use tls::Tls;

/// Streams either side may have open, and for how long a connection may be silent: what is changed
/// for every peer. The rest is each library's default.
const STREAMS: u32 = 1_024;
const IDLE_SECONDS: u64 = 300;

/// Everything a client must know of its server.
#[derive(Debug, Clone)]
pub(crate) struct Ticket {
    pub(crate) address: SocketAddr,
    /// A certificate or a seed; one word.
    pub(crate) credential: String,
}

impl Ticket {
    pub(crate) fn to_line(&self) -> String {
        format!("{} {}", self.address, self.credential)
    }

    pub(crate) fn parse(line: &str) -> Result<Self> {
        let Some((address, credential)) = line.trim().split_once(' ') else {
            bail!("no ticket: {line:?}");
        };
        Ok(Self {
            address: address.parse().context("address of a ticket")?,
            credential: credential.to_owned(),
        })
    }
}

/// How a connection is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// At once: one packet, nothing is awaited.
    Abrupt,
    /// Both sides know that everything arrived. Only STT has this.
    Orderly,
}

/// One side of a library: a socket and what belongs to it.
pub(crate) trait Peer: Clone + Send + Sync + Sized + 'static {
    /// A connection that is coming in and not yet established.
    type Attempt: Send + 'static;
    type Connection: Connection;

    /// Binds a port on loopback and serves.
    async fn serve(tls: Tls) -> Result<(Self, Ticket)>;

    async fn client(tls: Tls, ticket: &Ticket) -> Result<Self>;

    fn connect(&self, address: SocketAddr)
    -> impl Future<Output = Result<Self::Connection>> + Send;

    fn accept(&self) -> impl Future<Output = Option<Self::Attempt>> + Send;

    fn establish(attempt: Self::Attempt) -> impl Future<Output = Result<Self::Connection>> + Send;
}

pub(crate) trait Connection: Clone + Send + Sync + 'static {
    type Writer: Writer;
    type Reader: Reader;

    fn open(&self) -> impl Future<Output = Result<(Self::Writer, Self::Reader)>> + Send;

    fn accept(&self) -> impl Future<Output = Result<(Self::Writer, Self::Reader)>> + Send;

    fn end(&self, how: End) -> impl Future<Output = Result<()>> + Send;
}

pub(crate) trait Writer: Send + 'static {
    fn write(&mut self, bytes: Bytes) -> impl Future<Output = Result<()>> + Send;

    fn finish(&mut self) -> Result<()>;
}

pub(crate) trait Reader: Send + 'static {
    fn read(&mut self) -> impl Future<Output = Result<Option<Bytes>>> + Send;

    fn read_to_end(&mut self, max: usize) -> impl Future<Output = Result<Vec<u8>>> + Send;
}
