//! noq as it comes: the engine under STT, with TLS instead of STC.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use bytes::Bytes;
use noq::{
    ClientConfig, Endpoint, Incoming, RecvStream, SendStream, ServerConfig, TransportConfig,
    crypto::rustls::{QuicClientConfig, QuicServerConfig},
};

use super::{Connection, End, IDLE_SECONDS, Peer, Reader, STREAMS, Ticket, Tls, Writer, tls};

#[derive(Clone)]
pub(crate) struct Noq(Endpoint);

impl Peer for Noq {
    type Attempt = Incoming;
    type Connection = noq::Connection;

    async fn serve(tls: Tls) -> Result<(Self, Ticket)> {
        let (tls, credential) = tls::server(tls)?;
        let crypto = QuicServerConfig::try_from(tls)?;
        let mut config = ServerConfig::with_crypto(Arc::new(crypto));
        config.transport_config(transport()?);
        let endpoint = Endpoint::server(config, (Ipv4Addr::LOCALHOST, 0).into())?;
        let address = endpoint.local_addr()?;
        Ok((
            Self(endpoint),
            Ticket {
                address,
                credential,
            },
        ))
    }

    async fn client(tls: Tls, ticket: &Ticket) -> Result<Self> {
        let crypto = QuicClientConfig::try_from(tls::client(tls, &ticket.credential)?)?;
        let mut config = ClientConfig::new(Arc::new(crypto));
        config.transport_config(transport()?);
        let endpoint = Endpoint::client((Ipv4Addr::LOCALHOST, 0).into())?;
        endpoint.set_default_client_config(config);
        Ok(Self(endpoint))
    }

    async fn connect(&self, address: SocketAddr) -> Result<Self::Connection> {
        Ok(self.0.connect(address, tls::SERVER_NAME)?.await?)
    }

    async fn accept(&self) -> Option<Incoming> {
        self.0.accept().await
    }

    async fn establish(attempt: Incoming) -> Result<Self::Connection> {
        Ok(attempt.await?)
    }
}

fn transport() -> Result<Arc<TransportConfig>> {
    let mut config = TransportConfig::default();
    config
        .max_concurrent_bidi_streams(STREAMS.into())
        .max_idle_timeout(Some(Duration::from_secs(IDLE_SECONDS).try_into()?));
    Ok(Arc::new(config))
}

impl Connection for noq::Connection {
    type Writer = SendStream;
    type Reader = RecvStream;

    async fn open(&self) -> Result<(SendStream, RecvStream)> {
        self.open_bi().await.context("open")
    }

    async fn accept(&self) -> Result<(SendStream, RecvStream)> {
        self.accept_bi().await.context("accept")
    }

    async fn end(&self, _: End) -> Result<()> {
        self.close(0u32.into(), b"");
        Ok(())
    }
}

impl Writer for SendStream {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.write_chunk(bytes).await.context("write")
    }

    fn finish(&mut self) -> Result<()> {
        Self::finish(self).context("finish")
    }
}

impl Reader for RecvStream {
    async fn read(&mut self) -> Result<Option<Bytes>> {
        self.read_chunk(usize::MAX).await.context("read")
    }

    async fn read_to_end(&mut self, max: usize) -> Result<Vec<u8>> {
        Self::read_to_end(self, max).await.context("read to end")
    }
}
