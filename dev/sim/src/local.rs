//! The address of a socket, which may change under it.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use crate::lock::lock;

/// What a socket, its senders and the network agree on.
#[derive(Debug, Clone)]
pub(crate) struct Local(Arc<Mutex<SocketAddr>>);

impl Local {
    pub(crate) fn new(addr: SocketAddr) -> Self {
        Self(Arc::new(Mutex::new(addr)))
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        *lock(&self.0)
    }

    pub(crate) fn move_to(&self, addr: SocketAddr) {
        *lock(&self.0) = addr;
    }
}
