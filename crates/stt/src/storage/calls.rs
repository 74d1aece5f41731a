//! Calls into a store that blocks, each on a thread that may, a few at a time.
//!
//! *Invariant*: whoever uses the store counts as under way, so that closing can wait for it and
//! the directory is free afterwards.

use std::sync::Arc;

use parking_lot::RwLock;
use stt_store::{BinaryStorage, Failure};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::task::spawn_blocking;

/// The store, and how many may use it at once.
#[derive(Debug, Clone)]
pub(crate) struct Calls(Arc<State>);

#[derive(Debug)]
struct State {
    /// Nothing once the store is closed.
    store: RwLock<Option<Arc<BinaryStorage>>>,
    slots: Arc<Semaphore>,
    under_way: watch::Sender<usize>,
}

/// Holds the store open. While one lives, closing waits.
#[derive(Debug)]
pub(super) struct Tenant {
    pub(super) store: Arc<BinaryStorage>,
    /// After `store`, so that it ends last.
    _presence: Presence,
}

#[derive(Debug)]
struct Presence(Arc<State>);

impl Presence {
    fn new(state: &Arc<State>) -> Self {
        state.under_way.send_modify(|count| *count += 1);
        Self(Arc::clone(state))
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.under_way.send_modify(|count| *count -= 1);
    }
}

impl Calls {
    pub(super) fn new(store: BinaryStorage) -> Self {
        Self(Arc::new(State {
            store: RwLock::new(Some(Arc::new(store))),
            slots: Arc::new(Semaphore::new(MAX_CALLS)),
            under_way: watch::Sender::new(0),
        }))
    }

    /// The store, held open.
    pub(super) fn enter(&self) -> Result<Tenant, Failure> {
        // Counted before it is looked at: closing takes the store first, and then waits.
        let presence = Presence::new(&self.0);
        let store = self.0.store.read().clone();
        Ok(Tenant {
            store: store.ok_or(Failure::Closed)?,
            _presence: presence,
        })
    }

    /// Does `work` on a thread that may block.
    pub(crate) async fn run<T, E>(
        &self,
        work: impl FnOnce(&BinaryStorage) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Failure> + Send + 'static,
    {
        let tenant = self.enter()?;
        self.run_apart(move || work(&tenant.store)).await
    }

    /// Does `work`, which does not need the store to be open, on a thread that may block.
    pub(crate) async fn run_apart<T, E>(
        &self,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Failure> + Send + 'static,
    {
        let slots = Arc::clone(&self.0.slots);
        let slot = slots.acquire_owned().await.map_err(|_| Failure::Closed)?;
        on_thread(move || {
            let result = work();
            drop(slot);
            result
        })
        .await
    }

    pub(super) async fn close(&self) -> Result<(), Failure> {
        let store = self.0.store.write().take().ok_or(Failure::Closed)?;
        let mut under_way = self.0.under_way.subscribe();
        // Its sender lives as long as we do.
        let _ = under_way.wait_for(|count| *count == 0).await;
        on_thread(move || store.checkpoint()).await
    }
}

/// Does `work` on a thread of the runtime that may block; here and now where there is no runtime, as in a simulation.
pub(super) async fn on_thread<T, E>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Failure> + Send + 'static,
{
    if Handle::try_current().is_err() {
        return work();
    }
    match spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Failure::Stopped.into()),
        },
    }
}

/// Threads that one store has at a time, besides those that store small objects.
const MAX_CALLS: usize = 16;
