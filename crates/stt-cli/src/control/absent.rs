//! Where there are no Unix sockets, a node that runs takes no commands.

use std::{io, path::Path};

use serde::Serialize;
use stt::Node;

use super::{Answer, Request};
use crate::exit::Failure;

/// There is none.
pub(crate) enum Conversation {}

impl Conversation {
    pub(crate) async fn tell(&mut self, _: &impl Serialize) -> io::Result<()> {
        match *self {}
    }
}

/// See `server` beside it.
#[derive(Debug)]
pub(crate) struct Control;

impl Control {
    pub(crate) fn open(_: &Path) -> Result<Self, Failure> {
        Ok(Self)
    }

    pub(crate) async fn serve(&self, _: &Node) {
        std::future::pending().await
    }
}

/// See `client` beside it.
pub(crate) async fn ask(
    _: &Path,
    _: &Request,
    _: impl FnMut(Answer) -> Result<(), Failure>,
) -> Result<(), Failure> {
    Err(Failure::usage(
        "a running node takes commands on Unix only; use --bootstrap ADDR",
    ))
}
