//! The node's side of WebSockets: who may have one, and for how long.
//!
//! | | where |
//! |---|---|
//! | connections of others | [`listen`] |
//! | our own | [`open`] |
//! | our own, for sessions that hear nothing any more | [`detour`] |
//! | who makes room when there are too many | [`seat`] |
//! | how long one is kept | [`lifetime`] |
//!
//! spec: REACH-8, REACH-9, REACH-10

pub(super) mod detour;
mod lifetime;
mod listen;
mod open;
mod seat;

use std::{fmt, net::SocketAddr};

use tokio::sync::watch;

use self::seat::Seats;
pub(super) use self::{
    listen::{Dress, Listener, serve},
    open::{open, proxy_to},
};
use crate::{
    session::flag::Flag,
    transport::websocket::{proxy::ProxyChoice, url::Scheme},
};

/// Where a node listens for WebSockets. Its text is a URL, which others can dial if the address is
/// one that they reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct WebSocketAddress {
    /// With TLS or without.
    pub scheme: Scheme,
    /// The TCP address.
    pub address: SocketAddr,
}

impl fmt::Display for WebSocketAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.address)
    }
}

/// What the WebSockets of one node share.
#[derive(Debug)]
pub(super) struct WebSockets {
    listening: Vec<WebSocketAddress>,
    proxy: ProxyChoice,
    /// Connections without a request so far.
    asking: Seats,
    /// Those of others that were upgraded and have no session so far.
    waiting: Seats,
    stopping: Flag,
    stopped: Flag,
    carried: watch::Sender<usize>,
}

impl WebSockets {
    pub(super) fn new(
        listening: Vec<WebSocketAddress>,
        proxy: ProxyChoice,
        half_open: usize,
    ) -> Self {
        Self {
            listening,
            proxy,
            asking: Seats::new(MAX_ASKING),
            waiting: Seats::new(half_open),
            stopping: Flag::default(),
            stopped: Flag::default(),
            carried: watch::Sender::default(),
        }
    }

    pub(super) fn listening(&self) -> &[WebSocketAddress] {
        &self.listening
    }

    /// Lets nobody in from now on.
    pub(super) fn stop_listening(&self) {
        self.stopping.raise();
    }

    /// Closes all of them; what the engine has said by now is still carried.
    pub(super) async fn close(&self) {
        self.stopped.raise();
        // Fails only when the sender is gone, which is here.
        let _ = self
            .carried
            .subscribe()
            .wait_for(|carried| *carried == 0)
            .await;
    }
}

/// Connections at a time that have not asked for anything yet. spec: REACH-8
const MAX_ASKING: usize = 256;
