//! Connections of others: a place, a request, a tunnel.

use std::{fmt, future::poll_fn, io, net::SocketAddr, sync::Arc, time::Duration};

use super::{WebSocketAddress, lifetime};
#[cfg(feature = "tls")]
use crate::transport::websocket::tls::TlsIdentity;
use crate::{
    node::shared::Shared,
    transport::{
        link::{Origin, PathKind},
        platform::Platform,
        stream::{BoxedStream, ByteListener},
        websocket::{admit::admit, request::Tag, url::Scheme},
    },
};

/// A bound TCP socket that takes connections.
pub(in crate::node) struct Listener {
    socket: Box<dyn ByteListener>,
    address: WebSocketAddress,
    dress: Dress,
}

/// What connections are dressed in.
#[derive(Debug, Clone)]
pub(in crate::node) enum Dress {
    Plain,
    #[cfg(feature = "tls")]
    Tls(TlsIdentity),
}

impl Dress {
    fn scheme(&self) -> Scheme {
        match self {
            Self::Plain => Scheme::Ws,
            #[cfg(feature = "tls")]
            Self::Tls(_) => Scheme::Wss,
        }
    }

    #[cfg_attr(
        not(feature = "tls"),
        expect(clippy::unused_async, reason = "TLS has to wait")
    )]
    async fn put_on(&self, stream: BoxedStream) -> io::Result<BoxedStream> {
        match self {
            Self::Plain => Ok(stream),
            #[cfg(feature = "tls")]
            Self::Tls(identity) => identity.accept(stream).await,
        }
    }
}

impl Listener {
    pub(in crate::node) fn bind(
        platform: &Platform,
        address: SocketAddr,
        dress: Dress,
    ) -> io::Result<Self> {
        let socket = platform.listen(address)?;
        let address = WebSocketAddress {
            scheme: dress.scheme(),
            address: socket.local_addr()?,
        };
        Ok(Self {
            socket,
            address,
            dress,
        })
    }

    pub(in crate::node) fn address(&self) -> WebSocketAddress {
        self.address
    }

    async fn accept(&mut self) -> io::Result<(BoxedStream, SocketAddr)> {
        poll_fn(|cx| self.socket.poll_accept(cx)).await
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listener").field(&self.address).finish()
    }
}

/// Takes connections until the node is shut down.
pub(in crate::node) async fn serve(shared: Arc<Shared>, mut listener: Listener) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = shared.websockets.stopping.raised() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, from)) => {
                let dress = listener.dress.clone();
                let meeting = meet(Arc::clone(&shared), stream, from, dress);
                shared.platform.spawn(meeting);
            }
            // Mostly there are too many open files: some will be closed by and by.
            Err(error) => {
                tracing::warn!(%error, address = %listener.address, "cannot take connections");
                shared.platform.sleep(PAUSE).await;
            }
        }
    }
}

async fn meet(shared: Arc<Shared>, stream: BoxedStream, from: SocketAddr, dress: Dress) {
    let websockets = &shared.websockets;
    let is_known = shared.doorkeeper.lock().knows(from.ip());
    let seat = websockets.asking.take(from.ip(), is_known);
    let opens = |tag: &Tag| shared.opens_for(tag);
    let socket = tokio::select! {
        biased;
        socket = admit(dress.put_on(stream), &shared.platform, opens) => socket,
        () = seat.taken_away() => None,
        () = websockets.stopping.raised() => None,
    };
    drop(seat);
    if let Some(socket) = socket {
        let seat = websockets.waiting.take(from.ip(), is_known);
        let tunnel = shared.endpoint.link().open_tunnel(Origin {
            address: from,
            kind: PathKind::WebSocket,
        });
        lifetime::run(Arc::clone(&shared), socket, tunnel, Some(seat)).await;
    }
}

/// After a failure to take a connection.
const PAUSE: Duration = Duration::from_millis(100);
