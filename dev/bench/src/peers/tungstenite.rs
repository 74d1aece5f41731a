//! A plain WebSocket of the library that carries our packets: one stream of messages, each as long as
//! a packet, with nothing encrypted and nothing above it. A connection has one stream.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Mutex,
};
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

use super::{Connection, End, Peer, Reader, Ticket, Tls, Writer};

#[derive(Clone)]
pub(crate) struct Tungstenite(Option<Arc<TcpListener>>);

type Socket = WebSocketStream<TcpStream>;

/// Both halves, until somebody takes them.
#[derive(Clone)]
pub(crate) struct Connected(Arc<Mutex<Option<Socket>>>);

pub(crate) struct Sender(SplitSink<Socket, Message>);

pub(crate) struct Receiver(SplitStream<Socket>);

impl Peer for Tungstenite {
    type Attempt = TcpStream;
    type Connection = Connected;

    async fn serve(_: Tls) -> Result<(Self, Ticket)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let ticket = Ticket {
            address: listener.local_addr()?,
            credential: "none".into(),
        };
        Ok((Self(Some(Arc::new(listener))), ticket))
    }

    async fn client(_: Tls, _: &Ticket) -> Result<Self> {
        Ok(Self(None))
    }

    async fn connect(&self, address: SocketAddr) -> Result<Connected> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let url = format!("ws://{address}/");
        let (socket, _) = tokio_tungstenite::client_async(url, stream).await?;
        Ok(Connected::new(socket))
    }

    async fn accept(&self) -> Option<TcpStream> {
        Some(self.0.as_ref()?.accept().await.ok()?.0)
    }

    async fn establish(attempt: TcpStream) -> Result<Connected> {
        attempt.set_nodelay(true)?;
        let socket = tokio_tungstenite::accept_async(attempt).await?;
        Ok(Connected::new(socket))
    }
}

impl Connected {
    fn new(socket: Socket) -> Self {
        Self(Arc::new(Mutex::new(Some(socket))))
    }

    async fn take(&self) -> Result<(Sender, Receiver)> {
        let socket = self.0.lock().await.take().context("its stream is taken")?;
        let (sender, receiver) = socket.split();
        Ok((Sender(sender), Receiver(receiver)))
    }
}

impl Connection for Connected {
    type Writer = Sender;
    type Reader = Receiver;

    async fn open(&self) -> Result<(Sender, Receiver)> {
        self.take().await
    }

    async fn accept(&self) -> Result<(Sender, Receiver)> {
        self.take().await
    }

    async fn end(&self, _: End) -> Result<()> {
        Ok(())
    }
}

impl Writer for Sender {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        for start in (0..bytes.len()).step_by(MESSAGE_BYTES) {
            let end = bytes.len().min(start + MESSAGE_BYTES);
            self.0.feed(Message::Binary(bytes.slice(start..end))).await?;
        }
        Ok(self.0.flush().await?)
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Reader for Receiver {
    async fn read(&mut self) -> Result<Option<Bytes>> {
        match self.0.next().await {
            Some(message) => Ok(Some(message?.into_data())),
            None => Ok(None),
        }
    }

    /// One message: it is all there is until the next question.
    async fn read_to_end(&mut self, max: usize) -> Result<Vec<u8>> {
        let read = Reader::read(self).await?.context("the stream ended")?;
        ensure!(read.len() <= max, "a message too long");
        Ok(read.to_vec())
    }
}

/// What a packet of the engine carries by WebSocket, about.
const MESSAGE_BYTES: usize = 1_400;
