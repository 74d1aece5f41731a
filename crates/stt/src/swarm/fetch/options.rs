//! What is wanted, from whom, and on which terms.

use crate::dht::FoundPeer;
use crate::node::{Node, Target};
use crate::session::Session;
use crate::storage::{Address, Reference};

/// What is to be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "nothing else names an object")]
pub enum Wanted {
    /// Each block can be verified alone: a false one costs itself.
    Reference(Reference),
    /// What the object is has to be believed until all of it is here: see [`FetchOptions::longest`].
    Address(Address),
}

impl Wanted {
    pub(super) fn address(self) -> Address {
        match self {
            Self::Reference(reference) => reference.address,
            Self::Address(address) => address,
        }
    }
}

impl From<Reference> for Wanted {
    fn from(reference: Reference) -> Self {
        Self::Reference(reference)
    }
}

impl From<Address> for Wanted {
    fn from(address: Address) -> Self {
        Self::Address(address)
    }
}

/// A member that may have the object.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Provider {
    /// One that there is a session with.
    Session(Session),
    /// One that is to be reached; again, up to four times, when its session breaks.
    Target(Target),
    /// One that was found by the [`Dht`](crate::dht::Dht) of this node; reached again likewise.
    Found(FoundPeer),
}

impl Provider {
    /// A session with it, if it can be had.
    pub(in crate::swarm) async fn reach(&self, node: &Node) -> Option<Session> {
        match self {
            Self::Session(session) => Some(session.clone()),
            Self::Target(target) => node.connect(target.clone()).await.ok(),
            Self::Found(found) => node.dht()?.reach(found).await.ok(),
        }
    }
}

impl From<Session> for Provider {
    fn from(session: Session) -> Self {
        Self::Session(session)
    }
}

impl From<&Session> for Provider {
    fn from(session: &Session) -> Self {
        Self::Session(session.clone())
    }
}

impl From<FoundPeer> for Provider {
    fn from(found: FoundPeer) -> Self {
        Self::Found(found)
    }
}

impl From<Target> for Provider {
    fn from(target: Target) -> Self {
        Self::Target(target)
    }
}

/// Whether others may have the blocks that came, while more are coming.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "they may or may not")]
pub enum Sharing {
    /// Nothing is served; what is whole can be published.
    #[default]
    Nothing,
    /// Blocks are served once they are verified and durable, if a reference was given; and the object is
    /// published when it is whole.
    Verified,
}

/// The terms of a fetch.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FetchOptions {
    /// The longest object that is believed to be one, in bytes. Default: 1 TiB. With an address alone it is also what a liar
    /// can make us receive for nothing, twice at most: lower it when you know more.
    pub longest: u64,
    /// Whether others may have what came. Default: no.
    pub sharing: Sharing,
}

impl Default for FetchOptions {
    fn default() -> Self {
        Self {
            longest: 1 << 40,
            sharing: Sharing::Nothing,
        }
    }
}
