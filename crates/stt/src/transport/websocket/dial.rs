//! The dialling side of an upgrade.

use std::{io, net::SocketAddr};

use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::{
    WebSocket,
    answer::Answer,
    head::read_head,
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
    /// `wss://` needs the feature `tls` of this library.
    #[error("this build has no TLS")]
    NoTls,
}

/// Connects to `address` and asks for an upgrade. Dropped before it is done, it leaves nothing.
pub(crate) async fn dial(
    platform: &Platform,
    url: &Url,
    address: SocketAddr,
    tag: Tag,
) -> Result<WebSocket, WebSocketError> {
    let stream = platform.connect_stream(address).await;
    let stream = stream.map_err(|source| WebSocketError::Tcp { address, source })?;
    let stream = match url.scheme {
        Scheme::Ws => stream,
        Scheme::Wss => return Err(WebSocketError::NoTls),
    };
    upgrade(stream, platform, url, tag).await
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
