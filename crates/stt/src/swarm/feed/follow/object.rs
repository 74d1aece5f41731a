//! The object of one entry: here already, or fetched from those who told of it, and seen to be a run.
//!
//! *spec:* FEED-22.

use std::sync::Arc;

use stc::NodeId;
use stt_wire::FeedEntry;
use tokio::sync::mpsc;

use super::status::FollowError;
use crate::node::Node;
use crate::session::Session;
use crate::storage::Reference;
use crate::swarm::feed::holding::object_of;
use crate::swarm::feed::run::segments_of;
use crate::swarm::fetch::{Fetch, FetchError, FetchOptions, ProviderState, Search};
use crate::swarm::{Blame, Content, Provider};

/// What came of it.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) entry: FeedEntry,
    pub(super) outcome: Result<Here, Failed>,
    /// Those that sent something false.
    pub(super) blamed: Vec<(NodeId, Blame)>,
}

/// The object is in the storage.
#[derive(Debug)]
pub(super) struct Here {
    pub(super) is_brought: bool,
}

/// It is not.
#[derive(Debug)]
pub(super) enum Failed {
    /// None of those who told of it gave it.
    NoHolder,
    /// Following is over.
    For(FollowError),
}

impl<E: Into<FollowError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::For(error.into())
    }
}

/// Gets the object of an entry; those who tell of it too come by `further`.
pub(super) async fn get(
    node: Node,
    content: Arc<Content>,
    entry: FeedEntry,
    further: mpsc::UnboundedReceiver<Session>,
) -> Got {
    let object = object_of(&entry);
    let mut blamed = Vec::new();
    let outcome = match content.storage.contains(object.address).await {
        Ok(true) => look_at(&content, &entry, false).await,
        Ok(false) => match fetch(node, &content, object, further, &mut blamed).await {
            Ok(()) => look_at(&content, &entry, true).await,
            Err(error) => Err(failed(error, &entry)),
        },
        Err(failure) => Err(failure.into()),
    };
    Got {
        entry,
        outcome,
        blamed,
    }
}

async fn fetch(
    node: Node,
    content: &Arc<Content>,
    object: Reference,
    mut further: mpsc::UnboundedReceiver<Session>,
    blamed: &mut Vec<(NodeId, Blame)>,
) -> Result<(), FetchError> {
    let mut providers = Vec::new();
    while let Ok(session) = further.try_recv() {
        providers.push(Provider::Session(session));
    }
    let wanted = (object.into(), FetchOptions::default());
    let content = Arc::clone(content);
    let mut fetch = Fetch::start(node, content, wanted, providers, Search::Nobody);
    let fetched = loop {
        tokio::select! {
            biased;
            fetched = fetch.finished() => break fetched,
            Some(session) = further.recv() => fetch.add_provider(session),
        }
    };
    let providers = fetch.progress().providers.into_iter();
    blamed.extend(providers.filter_map(|provider| match provider.state {
        ProviderState::Dropped(blame) => Some((provider.peer?, blame)),
        _ => None,
    }));
    fetched.map(|_| ())
}

/// Sees whether what is here is what the publisher said.
async fn look_at(content: &Content, entry: &FeedEntry, is_brought: bool) -> Result<Here, Failed> {
    let object = object_of(entry);
    let is_true = content.storage.reference(object.address).await? == object;
    let run = content.storage.retrieve(object.address).await?;
    if is_true && is_run_of(entry, run) {
        return Ok(Here { is_brought });
    }
    if is_brought {
        // Whether it could be removed or not, it is not passed on.
        let _ = content.storage.remove(object.address).await;
    }
    Err(false_entry(entry))
}

/// spec: FEED-4.
fn is_run_of(entry: &FeedEntry, run: bytes::Bytes) -> bool {
    segments_of(run).is_ok_and(|segments| entry.is_last || !segments.is_empty())
}

fn failed(error: FetchError, entry: &FeedEntry) -> Failed {
    match error {
        FetchError::NoProviders { .. } => Failed::NoHolder,
        FetchError::Storage(error) => error.into(),
        FetchError::FalseReference { .. } | FetchError::TooLong { .. } | FetchError::FalseRoots => {
            false_entry(entry)
        }
        FetchError::ShutDown | FetchError::NoStorage => Failed::For(FollowError::ShutDown),
    }
}

fn false_entry(entry: &FeedEntry) -> Failed {
    let number = entry.number.get();
    Failed::For(FollowError::FalseEntry { number })
}
