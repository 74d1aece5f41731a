//! The dialling side of an upgrade.

use std::{io, net::SocketAddr};

use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::{
    WebSocket,
    answer::Answer,
    certificates::Certificates,
    head::read_head,
    proxy::{Proxy, ProxyError},
    request::{Request, Tag},
    upgraded,
    url::{Scheme, Url},
};
use crate::transport::{platform::Platform, stream::BoxedStream};

/// Why no WebSocket came of a dial.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebSocketError {
    /// No TCP connection to the address of the host.
    #[error("no TCP connection to {address}: {source}")]
    Tcp {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// The connection ended before the answer did.
    #[error("the connection ended before an answer came: {0}")]
    Cut(io::Error),
    /// The answer was another than 101: a node answers 404 to a seed that is not its own, and so
    /// does whatever else may live there.
    #[error("answered with HTTP status {status}: no node is there, or it holds a different seed")]
    Refused {
        /// The status.
        status: u16,
    },
    /// The answer was no upgrade to a WebSocket.
    #[error("what answered is no WebSocket")]
    Foreign,
    /// What the environment or the application calls a proxy is none.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The proxy does not let us through.
    #[error("the proxy answered with HTTP status {status}")]
    ProxyRefused {
        /// The status; 407 if it wants a name and a password.
        status: u16,
    },
    /// No TLS with the host: it speaks none, or shows a certificate that won't do.
    #[error("no TLS: {0}")]
    Tls(io::Error),
    /// `wss://` needs the feature `tls` of this library.
    #[error("this build has no TLS")]
    NoTls,
}

/// How a URL is dialled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way<'a> {
    pub(crate) url: &'a Url,
    pub(crate) proxy: Option<&'a Proxy>,
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "there is no TLS"))]
    pub(crate) certificates: &'a Certificates,
}

/// Connects to `address`, the host's or the proxy's, and asks for an upgrade. Dropped before it is
/// done, it leaves nothing.
pub(crate) async fn dial(
    platform: &Platform,
    way: Way<'_>,
    address: SocketAddr,
    tag: Tag,
) -> Result<WebSocket, WebSocketError> {
    let stream = platform.connect_stream(address).await;
    let mut stream = stream.map_err(|source| WebSocketError::Tcp { address, source })?;
    if let Some(proxy) = way.proxy {
        proxy.pass(&mut stream, way.url).await?;
    }
    let stream = match way.url.scheme {
        Scheme::Ws => stream,
        #[cfg(feature = "tls")]
        Scheme::Wss => super::tls::connect(stream, &way.url.host, way.certificates).await?,
        #[cfg(not(feature = "tls"))]
        Scheme::Wss => return Err(WebSocketError::NoTls),
    };
    upgrade(stream, platform, way.url, tag).await
}

async fn upgrade(
    mut stream: BoxedStream,
    platform: &Platform,
    url: &Url,
    tag: Tag,
) -> Result<WebSocket, WebSocketError> {
    let request = Request::new(tag, platform.random());
    let asked = async {
        stream.write_all(request.encode(url).as_bytes()).await?;
        stream.flush().await?;
        read_head(&mut stream).await
    };
    let (head, early) = asked.await.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => WebSocketError::Foreign,
        _ => WebSocketError::Cut(error),
    })?;
    match Answer::decode(&head, &request) {
        Answer::Upgraded => Ok(upgraded(stream, early, Role::Client).await),
        Answer::Refused(status) => Err(WebSocketError::Refused { status }),
        Answer::Foreign => Err(WebSocketError::Foreign),
    }
}
