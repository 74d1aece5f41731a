//! This library.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context, Result};
use bytes::Bytes;
use stt::{Group, Limits, Node, RecvStream, SendStream, Session, SystemEntropy};

use super::{Connection, End, IDLE_SECONDS, Peer, Reader, STREAMS, Ticket, Tls, Writer};

#[derive(Clone)]
pub(crate) struct Stt(pub(crate) Node);

impl Peer for Stt {
    type Attempt = Session;
    type Connection = Session;

    async fn serve(_: Tls) -> Result<(Self, Ticket)> {
        let group = Group::generate(&mut SystemEntropy);
        let text = group.to_text().context("a random group has a text")?;
        let node = start(group).await?;
        let ticket = Ticket {
            address: *node.local_addresses().first().context("no address")?,
            credential: text.to_string(),
        };
        Ok((Self(node), ticket))
    }

    async fn client(_: Tls, ticket: &Ticket) -> Result<Self> {
        let group = Group::parse(&ticket.credential)?;
        Ok(Self(start(group).await?))
    }

    async fn connect(&self, address: SocketAddr) -> Result<Session> {
        Ok(self.0.connect(address).await?)
    }

    async fn accept(&self) -> Option<Session> {
        self.0.accept().await
    }

    async fn establish(attempt: Session) -> Result<Session> {
        Ok(attempt)
    }
}

async fn start(group: Group) -> Result<Node> {
    let mut limits = Limits::default();
    limits.idle_timeout = Duration::from_secs(IDLE_SECONDS);
    limits.streams = STREAMS;
    let node = Node::builder(group)
        .bind((Ipv4Addr::LOCALHOST, 0).into())
        .limits(limits);
    Ok(node.start().await?)
}

impl Connection for Session {
    type Writer = SendStream;
    type Reader = RecvStream;

    async fn open(&self) -> Result<(SendStream, RecvStream)> {
        self.open_stream().await.context("open")
    }

    async fn accept(&self) -> Result<(SendStream, RecvStream)> {
        self.accept_stream().await.context("accept")
    }

    async fn end(&self, how: End) -> Result<()> {
        match how {
            End::Abrupt => {
                self.abort(0, "");
                Ok(())
            }
            End::Orderly => self.close().await.context("close"),
        }
    }
}

impl Writer for SendStream {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.write_bytes(bytes).await.context("write")
    }

    fn finish(&mut self) -> Result<()> {
        Self::finish(self).context("finish")
    }
}

impl Reader for RecvStream {
    async fn read(&mut self) -> Result<Option<Bytes>> {
        self.read_bytes(usize::MAX).await.context("read")
    }

    async fn read_to_end(&mut self, max: usize) -> Result<Vec<u8>> {
        Self::read_to_end(self, max).await.context("read to end")
    }
}
