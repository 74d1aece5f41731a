//! The owner: copies of an object with other members, placed, checked, renewed and replaced.
//!
//! ```text
//! Node::replicate ──> seal (if wanted) ──> publish ──> driver, one task an object
//!     driver: find keepers ──> KEEP ──> kept
//!             every half hour: PROVE, KEEP ──> still kept, away, or lost ──> another keeper
//! ```
//!
//! *Invariants.* What is counted was kept when its keeper was asked last. Who gave a false proof is not asked again.
//!
//! *Not here*: what a keeper does, which is [`offer`](super::offer); the bytes of sealed objects, which are `stt-store`'s.
//!
//! *spec:* COPY-1 to COPY-12.

mod check;
mod driver;
mod keepers;
mod options;
mod place;
mod status;

pub use options::{PlaceError, ReplicateError, ReplicateOptions, Sealing};
pub use status::{CopyState, CopyStatus, ReplicationStatus};

use std::sync::Arc;

use tokio::sync::{oneshot, watch};

use super::Content;
use crate::node::Node;
use crate::storage::{Reference, SealedReference};
use driver::Driver;
use status::Shown;

/// Copies of an object with other members. As long as this lives, they are renewed and what is lost is replaced; when it
/// is dropped, they last as long as their leases. After a restart
/// [`Node::replicate_with`](crate::Node::replicate_with) and [`Sealing::AsItIs`] find them again.
#[derive(Debug)]
pub struct Replication {
    object: Reference,
    sealed: Option<SealedReference>,
    shown: watch::Receiver<Shown>,
    /// The round whose shortfall was told.
    told: u64,
    /// Sends who waits for the release to be done; dropped, the driver ends.
    release: oneshot::Sender<oneshot::Sender<()>>,
}

impl Replication {
    pub(crate) fn start(
        node: Node,
        content: Arc<Content>,
        object: Reference,
        sealed: Option<SealedReference>,
        options: ReplicateOptions,
    ) -> Self {
        let platform = content.platform.clone();
        let (show, shown) = watch::channel(Shown::new(options.copies));
        let (release, released) = oneshot::channel();
        let driver = Driver::new(node, content, object, options, show);
        platform.spawn(driver.run(released));
        Self {
            object,
            sealed,
            shown,
            told: 0,
            release,
        }
    }

    /// What others keep: the sealed object, or the object as it is.
    pub fn object(&self) -> Reference {
        self.object
    }

    /// What opens it, if it was sealed here. Keep it: nobody else has it.
    pub fn sealed(&self) -> Option<&SealedReference> {
        self.sealed.as_ref()
    }

    /// How the copies stand.
    pub fn status(&self) -> ReplicationStatus {
        self.shown.borrow().status.clone()
    }

    /// How the copies stand, once that has changed since the last time; `None` when the node is shut down.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn changed(&mut self) -> Option<ReplicationStatus> {
        self.shown.changed().await.ok()?;
        Some(self.shown.borrow_and_update().status.clone())
    }

    /// Resolves when as many copies are kept as are wanted.
    ///
    /// # Errors
    ///
    /// [`PlaceError`]: everyone who offers room was asked, and there are too few. It is tried again; call this again to hear
    /// how that went.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn placed(&mut self) -> Result<(), PlaceError> {
        loop {
            let Shown { status, round } = self.shown.borrow_and_update().clone();
            if status.kept() >= status.wanted {
                return Ok(());
            }
            if let Some(shortfall) = status.shortfall.filter(|_| round > self.told) {
                self.told = round;
                return Err(shortfall);
            }
            if self.shown.changed().await.is_err() {
                return Err(PlaceError::ShutDown);
            }
        }
    }

    /// Has the keepers forget their copies. Those that are not reached do so when their leases end.
    ///
    /// # Cancel safety
    ///
    /// Once it was polled, all are told.
    pub async fn release(self) {
        let (done, all_told) = oneshot::channel();
        if self.release.send(done).is_ok() {
            // The node may be shut down meanwhile.
            let _ = all_told.await;
        }
    }
}
