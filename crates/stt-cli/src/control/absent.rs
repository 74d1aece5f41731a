//! Where there are no Unix sockets, a node that runs takes no commands.

use std::{io, path::Path, sync::Arc};

use serde::Serialize;
use stt::Node;

use super::{Answer, Request};
use crate::{content::Household, exit::Failure};

/// There is none.
pub(crate) enum Conversation {}

impl Conversation {
    pub(crate) async fn tell(&mut self, _: &impl Serialize) -> io::Result<()> {
        match *self {}
    }

    pub(crate) async fn hear_any<T>(&mut self) -> io::Result<Option<Heard<T>>> {
        match *self {}
    }

    pub(crate) async fn give(&mut self, _: &[u8]) -> io::Result<()> {
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

    pub(crate) async fn serve(&self, _: &Node, _: Option<&Arc<Household>>) {
        std::future::pending().await
    }
}

/// See `frame` beside it.
#[derive(Debug)]
pub(crate) enum Heard<T> {
    Document(T),
    Bytes(Vec<u8>),
}

/// See `client` beside it.
pub(crate) fn is_there(_: &Path) -> bool {
    false
}

/// See `client` beside it.
pub(crate) async fn reach(_: &Path) -> Result<Conversation, Failure> {
    Err(nobody())
}

/// See `client` beside it.
pub(crate) async fn hear_out(
    conversation: &mut Conversation,
    _: impl FnMut(Answer) -> Result<(), Failure>,
) -> Result<(), Failure> {
    match *conversation {}
}

fn nobody() -> Failure {
    Failure::usage("a running node takes commands on Unix only; use --bootstrap ADDR")
}

/// See `client` beside it.
pub(crate) async fn ask(
    _: &Path,
    _: &Request,
    _: impl FnMut(Answer) -> Result<(), Failure>,
) -> Result<(), Failure> {
    Err(nobody())
}
