//! What a command asks of the node, and what the node answers.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use stt::AddressMapping;

use crate::{
    content::{CopyTerms, Progress},
    exit::{Exit, Failure},
};

/// What is asked. One to a conversation.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Request {
    /// The members that the node knows.
    Peers,
    /// The network that the node is in.
    Surroundings,
    /// Where a member is.
    FindPeer { node: String },
    /// Who has what is at an address.
    FindProviders { address: String },
    /// Tell the group that the node has what is at an address.
    Announce { address: String },
    /// Take that back.
    Withdraw { address: String },
    /// Store the bytes that follow, up to an empty piece, and give them to members; with terms, have others keep copies.
    Put { terms: Option<CopyTerms> },
    /// Get an object, and give out its bytes.
    Get { object: String },
    /// Have others keep copies of what is in the store.
    Replicate { object: String, terms: CopyTerms },
    /// Give an object to nobody any more.
    Release { object: String },
}

/// What is answered: any number of results, then an end.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Answer {
    /// A member, or a provider.
    Peer(Peer),
    /// An object was stored, sealed perhaps: then this opens it.
    Stored {
        object: String,
        sealed: Option<String>,
    },
    /// How many copies others keep.
    Copies { kept: usize, wanted: usize },
    /// How far an object is that is fetched.
    Progress(Progress),
    /// Something that a person may want to know.
    Note { text: String },
    /// The network that the node is in.
    Surroundings(Box<Surroundings>),
    /// There is nothing more.
    Done {},
    /// It came to nothing; `code` is the exit code.
    Failed { code: i32, message: String },
}

/// A member, and where it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Peer {
    pub(crate) node: String,
    pub(crate) addresses: Vec<SocketAddr>,
}

/// The network that a node is in, as it knows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Surroundings {
    pub(crate) node: String,
    /// The UDP addresses on its interfaces.
    pub(crate) interfaces: Vec<SocketAddr>,
    /// Where peers see it, those that most agree on first.
    pub(crate) seen_at: Vec<SocketAddr>,
    pub(crate) mapping: Mapping,
    /// What the router said; nothing if it was not asked.
    pub(crate) router: Option<Router>,
    pub(crate) relays: Vec<RelaySeen>,
    /// Members of the local network.
    pub(crate) neighbours: Vec<Peer>,
    /// How many sessions it has.
    pub(crate) sessions: usize,
}

/// How a network translates addresses: [`stt::AddressMapping`] in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mapping {
    Unknown,
    None,
    Independent,
    Dependent,
}

/// What a router said that was asked to let others in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Router {
    pub(crate) protocols: Vec<String>,
    pub(crate) address: Option<SocketAddr>,
}

/// A relay that is used; its node is known while it answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RelaySeen {
    pub(crate) relay: String,
    pub(crate) node: Option<String>,
    pub(crate) round_trip_ms: Option<f64>,
}

impl From<AddressMapping> for Mapping {
    fn from(mapping: AddressMapping) -> Self {
        match mapping {
            AddressMapping::None => Self::None,
            AddressMapping::Independent => Self::Independent,
            AddressMapping::Dependent => Self::Dependent,
            _ => Self::Unknown,
        }
    }
}

impl From<Mapping> for AddressMapping {
    fn from(mapping: Mapping) -> Self {
        match mapping {
            Mapping::Unknown => Self::Unknown,
            Mapping::None => Self::None,
            Mapping::Independent => Self::Independent,
            Mapping::Dependent => Self::Dependent,
        }
    }
}

impl From<&Failure> for Answer {
    fn from(failure: &Failure) -> Self {
        Self::Failed {
            code: failure.exit.code(),
            message: failure.message.clone(),
        }
    }
}

impl Answer {
    /// The failure that a node has told of.
    pub(crate) fn failure(code: i32, message: String) -> Failure {
        let exit = Exit::ALL.into_iter().find(|exit| exit.code() == code);
        Failure::new(exit.unwrap_or(Exit::Other), message)
    }
}
