//! What a command asks of the node, and what the node answers.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

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
    /// There is nothing more.
    Done {},
    /// It came to nothing; `code` is the exit code.
    Failed { code: i32, message: String },
}

/// A member, and where it is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Peer {
    pub(crate) node: String,
    pub(crate) addresses: Vec<SocketAddr>,
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
