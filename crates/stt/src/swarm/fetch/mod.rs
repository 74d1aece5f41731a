//! Getting an object from several members at once.
//!
//! ```text
//! members   dial, look: what is it, which blocks         one task a provider
//! driver    claims -> manifests -> blocks -> done        one task; decides by the plan
//! flight    one part from one provider                   a task each
//! keeper    compares, stores, saves                      one at a time, on a thread that may block
//! hashing   SHA3-256 in the order of the object          the same, beside it
//! ```

mod driver;
mod error;
mod flight;
mod gathering;
mod hashing;
mod keeper;
mod members;
mod options;
mod progress;
mod spares;

pub(crate) use driver::Search;
pub use error::FetchError;
pub use options::{FetchOptions, Provider, Sharing, Wanted};
pub use progress::{Blame, FetchProgress, ProviderProgress, ProviderState};

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::Content;
use crate::node::Node;
use crate::storage::Reference;

/// An object that is being fetched. Dropped, it is given up; what came and was verified stays in the storage,
/// and the next fetch of the object takes it up.
#[derive(Debug)]
pub struct Fetch {
    progress: watch::Receiver<FetchProgress>,
    providers: mpsc::UnboundedSender<Provider>,
    outcome: oneshot::Receiver<Result<Reference, FetchError>>,
    /// Kept once it is known.
    known: Option<Result<Reference, FetchError>>,
}

impl Fetch {
    pub(crate) fn start(
        node: Node,
        content: Arc<Content>,
        (wanted, options): (Wanted, FetchOptions),
        providers: Vec<Provider>,
        search: Search,
    ) -> Self {
        let (to_fetch, further) = mpsc::unbounded_channel();
        for provider in providers {
            // Its receiver is at hand.
            let _ = to_fetch.send(provider);
        }
        let (tell, outcome) = oneshot::channel();
        let (show, progress) = watch::channel(FetchProgress::default());
        let platform = content.platform.clone();
        let job = driver::Job {
            node,
            content,
            wanted,
            options,
            providers: further,
            search,
            progress: show,
        };
        let driving = driver::drive(job, tell);
        platform.spawn(driving);
        Self {
            progress,
            providers: to_fetch,
            outcome,
            known: None,
        }
    }

    /// One more that may have it. Without effect once the fetch is over.
    pub fn add_provider(&self, provider: impl Into<Provider>) {
        let _ = self.providers.send(provider.into());
    }

    /// How far it is.
    pub fn progress(&self) -> FetchProgress {
        self.progress.borrow().clone()
    }

    /// How far it is, once that has changed since the last time; `None` when it is over. It
    /// changes ten times a second at most.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn next_progress(&mut self) -> Option<FetchProgress> {
        self.progress.changed().await.ok()?;
        Some(self.progress.borrow_and_update().clone())
    }

    /// Resolves when the object is in the storage, durably and verified; or with the reason why it will not be.
    /// Later calls give the same answer.
    ///
    /// # Errors
    ///
    /// [`FetchError`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn finished(&mut self) -> Result<Reference, FetchError> {
        if let Some(known) = &self.known {
            return known.clone();
        }
        let outcome = (&mut self.outcome).await;
        let outcome = outcome.unwrap_or(Err(FetchError::ShutDown));
        self.known = Some(outcome.clone());
        outcome
    }
}
