//! Looks after the copies of one object, one after the other: those that are due are checked ([`check`](super::check)),
//! what is missing is placed ([`place`](super::place)).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use stc::{Entropy, NodeId};
use tokio::sync::{oneshot, watch};

use super::options::ReplicateOptions;
use super::status::{CopyState, Shown};
use crate::node::Node;
use crate::storage::Reference;
use crate::swarm::{Content, Provider};
use crate::transport::platform::Platform;

pub(super) struct Driver {
    pub(super) node: Node,
    pub(super) content: Arc<Content>,
    pub(super) platform: Platform,
    pub(super) object: Reference,
    pub(super) options: ReplicateOptions,
    pub(super) copies: BTreeMap<NodeId, Copy>,
    /// Who said no, and when; who lied, for good.
    pub(super) refused: BTreeMap<NodeId, Instant>,
    pub(super) liars: BTreeSet<NodeId>,
    /// When copies are looked for again, and how long after the last time.
    pub(super) retry: Option<(Instant, Duration)>,
    pub(super) show: watch::Sender<Shown>,
}

/// A copy that was kept.
#[derive(Debug, Clone)]
pub(super) struct Copy {
    pub(super) keeper: Provider,
    /// When it is asked for a proof.
    pub(super) due: Instant,
    /// When the lease ends.
    pub(super) until: Instant,
    /// Since when the keeper has not answered.
    pub(super) away: Option<Instant>,
}

impl Driver {
    pub(super) fn new(
        node: Node,
        content: Arc<Content>,
        object: Reference,
        options: ReplicateOptions,
        show: watch::Sender<Shown>,
    ) -> Self {
        Self {
            node,
            platform: content.platform.clone(),
            content,
            object,
            options,
            copies: BTreeMap::new(),
            refused: BTreeMap::new(),
            liars: BTreeSet::new(),
            retry: None,
            show,
        }
    }

    /// Runs until nobody wants the copies, or the node is shut down.
    pub(super) async fn run(mut self, released: oneshot::Receiver<oneshot::Sender<()>>) {
        let node = self.node.clone();
        let done = tokio::select! {
            biased;
            () = node.stopped() => return,
            released = released => released,
            () = self.look_after() => return,
        };
        if let Ok(done) = done {
            self.release_all().await;
            // Whoever waited may have given up.
            let _ = done.send(());
        }
    }

    async fn look_after(&mut self) {
        loop {
            self.check_due().await;
            self.place_missing().await;
            let due = self.copies.values().map(|copy| copy.due);
            let retry = self.retry.map(|(at, _)| at);
            let next = due.chain(retry).min();
            let next = next.unwrap_or_else(|| self.platform.now() + FIRST_RETRY);
            self.platform.sleep_until(Some(next)).await;
        }
    }

    pub(super) fn note_kept(&mut self, keeper: NodeId, way: Provider, lease: Duration) {
        let now = self.platform.now();
        let copy = Copy {
            keeper: way,
            due: now + self.pause(lease),
            until: now + lease,
            away: None,
        };
        self.copies.insert(keeper, copy);
        self.show_copy(keeper, CopyState::Kept { lease });
    }

    pub(super) fn lose(&mut self, keeper: NodeId) {
        self.copies.remove(&keeper);
        self.retry = None;
        self.show.send_modify(|shown| shown.status.remove(keeper));
    }

    /// Until a keeper is asked again, a little earlier or later than others. spec: COPY-12.
    pub(super) fn pause(&self, lease: Duration) -> Duration {
        let pause = self.options.check_every.min(lease / 2);
        let mut byte = [0];
        self.platform.entropy().fill(&mut byte);
        let pause = pause.mul_f64(0.9 + f64::from(byte[0]) / 2_560.0);
        pause.max(LEAST_PAUSE)
    }

    pub(super) fn show_copy(&self, keeper: NodeId, state: CopyState) {
        self.show
            .send_modify(|shown| shown.status.set(keeper, state));
    }

    pub(super) fn show_gone(&self, keeper: NodeId) {
        self.show.send_modify(|shown| shown.status.remove(keeper));
    }
}

const LEAST_PAUSE: Duration = Duration::from_secs(1);

/// When too few keep a copy, further ones are looked for after so long; later after twice as long each time.
pub(super) const FIRST_RETRY: Duration = Duration::from_secs(2);
