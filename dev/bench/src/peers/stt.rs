//! This library, by each of the ways its packets can take.

use std::{
    marker::PhantomData,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context, Result};
use bytes::Bytes;
use stt::{
    Certificates, Disclosure, Group, Limits, Node, NodeBuilder, RecvStream, SendStream, Session,
    SystemEntropy, Target, TlsIdentity,
};

use super::{Connection, End, IDLE_SECONDS, Peer, Reader, STREAMS, Ticket, Tls, Writer, tls};

/// A node whose sessions go by one way.
#[derive(Clone)]
pub(crate) struct Stt<W = Udp>(pub(crate) Node, PhantomData<W>);

/// What packets are carried by.
pub(crate) trait Way: Clone + Send + Sync + 'static {
    fn listens(builder: NodeBuilder) -> Result<NodeBuilder>;

    fn address(node: &Node) -> Option<SocketAddr>;

    fn target(address: SocketAddr) -> Target;
}

#[derive(Clone)]
pub(crate) struct Udp;

/// A WebSocket.
#[derive(Clone)]
pub(crate) struct Ws;

/// A WebSocket in TLS.
#[derive(Clone)]
pub(crate) struct Wss;

const ANY_PORT: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

impl Way for Udp {
    fn listens(builder: NodeBuilder) -> Result<NodeBuilder> {
        Ok(builder)
    }

    fn address(node: &Node) -> Option<SocketAddr> {
        node.local_addresses().first().copied()
    }

    fn target(address: SocketAddr) -> Target {
        address.into()
    }
}

/// Sessions by WebSocket stay there: who tells nobody where it is moves to no other path.
impl Way for Ws {
    fn listens(builder: NodeBuilder) -> Result<NodeBuilder> {
        let builder = builder.disclosure(Disclosure::Nothing);
        Ok(builder.listen_ws(ANY_PORT.into()))
    }

    fn address(node: &Node) -> Option<SocketAddr> {
        Some(node.websocket_addresses().first()?.address)
    }

    fn target(address: SocketAddr) -> Target {
        Target::ws(format!("ws://{address}"))
    }
}

impl Way for Wss {
    fn listens(builder: NodeBuilder) -> Result<NodeBuilder> {
        let (certificate, key) = tls::pem()?;
        let identity = TlsIdentity::from_pem(certificate.as_bytes(), key.as_bytes())?;
        let builder = builder.disclosure(Disclosure::Nothing);
        Ok(builder.listen_wss(ANY_PORT.into(), identity))
    }

    fn address(node: &Node) -> Option<SocketAddr> {
        Ws::address(node)
    }

    fn target(address: SocketAddr) -> Target {
        Target::ws(format!("wss://{address}")).certificates(Certificates::Any)
    }
}

impl<W: Way> Peer for Stt<W> {
    type Attempt = Session;
    type Connection = Session;

    async fn serve(_: Tls) -> Result<(Self, Ticket)> {
        let group = Group::generate(&mut SystemEntropy);
        let text = group.to_text().context("a random group has a text")?;
        let node = W::listens(builder(group))?.start().await?;
        let ticket = Ticket {
            address: W::address(&node).context("no address")?,
            credential: text.to_string(),
        };
        Ok((Self(node, PhantomData), ticket))
    }

    async fn client(_: Tls, ticket: &Ticket) -> Result<Self> {
        let group = Group::parse(&ticket.credential)?;
        let node = W::listens(builder(group))?.start().await?;
        Ok(Self(node, PhantomData))
    }

    async fn connect(&self, address: SocketAddr) -> Result<Session> {
        Ok(self.0.connect(W::target(address)).await?)
    }

    async fn accept(&self) -> Option<Session> {
        self.0.accept().await
    }

    async fn establish(attempt: Session) -> Result<Session> {
        Ok(attempt)
    }
}

fn builder(group: Group) -> NodeBuilder {
    let mut limits = Limits::default();
    limits.idle_timeout = Duration::from_secs(IDLE_SECONDS);
    limits.streams = STREAMS;
    Node::builder(group).bind(ANY_PORT.into()).limits(limits)
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
