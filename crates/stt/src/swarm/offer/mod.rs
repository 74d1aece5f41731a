//! The keeper: room for copies of other members' objects, in a storage of its own.
//!
//! ```text
//! KEEP ──> leases: is there room? ──> fetch from the owner ──> pin ──> lease saved ──> KEPT
//! PROVE ─> a block is read and hashed ──> PROOF
//! run      leases end, what nobody has a lease of is removed; room is announced in the DHT
//! ```
//!
//! *Invariants.* Nothing is kept beyond what is offered. `KEPT` is said of what is durable, lease and all. Nothing is
//! removed while anybody has a lease of it.
//!
//! *spec:* COPY-1 to COPY-14.

mod file;
mod leases;
mod options;
mod serve;

pub use file::LeasesError;
pub use options::OfferOptions;
pub(crate) use serve::serve;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use stc::{NodeId, NodeSeed};
use tokio::sync::Notify;

use self::{
    file::LeaseFile,
    leases::{Admission, Leases},
    options::Terms,
};
use super::Content;
use super::shelves::{Rack, Shelves};
use crate::node::{Node, WeakNode};
use crate::storage::{Address, Failure, ReadError, Reference};
use crate::transport::platform::Platform;

/// What a node keeps for others.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(super) platform: Platform,
    content: Arc<Content>,
    terms: Terms,
    file: Option<Arc<LeaseFile>>,
    state: Mutex<State>,
    /// One at a time changes what is kept: storage, shelves and file go together.
    changing: tokio::sync::Mutex<()>,
    changed: Notify,
    node: OnceLock<WeakNode>,
}

#[derive(Debug, Default)]
struct State {
    leases: Leases,
    /// Nobody is served before what the last run left was looked at.
    is_ready: bool,
    /// Requests that are being served, by owner.
    serving: BTreeMap<NodeId, usize>,
}

/// Why an object is not kept, or a lease not written down.
#[derive(Debug, thiserror::Error)]
enum KeepError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Failure(#[from] Failure),
    #[error("the leases could not be written: {0}")]
    Leases(Failure),
}

impl Offer {
    pub(crate) fn new(
        options: OfferOptions,
        shelves: &Arc<Shelves>,
        seed: &NodeSeed,
    ) -> Result<Arc<Self>, LeasesError> {
        let platform = shelves.platform.clone();
        let file = options
            .data_dir
            .map(|data_dir| LeaseFile::new(&data_dir, seed));
        let file = file.map(Arc::new);
        let kept = file.as_ref().map(|file| file.read()).transpose()?;
        let (now, unix) = (platform.now(), platform.unix_seconds());
        let leases = Leases::kept(&kept.unwrap_or_default(), &options.terms, now, unix);
        let content = Content::new(options.storage, Arc::clone(shelves), Rack::Kept);
        Ok(Arc::new(Self {
            platform,
            content: Arc::new(content),
            terms: options.terms,
            file,
            state: Mutex::new(State {
                leases,
                ..State::default()
            }),
            changing: tokio::sync::Mutex::default(),
            changed: Notify::new(),
            node: OnceLock::new(),
        }))
    }

    /// Begins, once the node runs.
    pub(crate) fn start(self: &Arc<Self>, node: &Node) {
        // Started once.
        let _ = self.node.set(node.downgrade());
        let offer = Arc::clone(self);
        let node = node.clone();
        self.platform.spawn(async move {
            tokio::select! {
                biased;
                () = node.stopped() => {}
                () = offer.run() => {}
            }
        });
    }

    /// How many bytes of objects are kept, and how many leases there are.
    pub(crate) fn kept(&self) -> (u64, usize) {
        let leases = &self.state.lock().leases;
        (leases.bytes(), leases.len())
    }

    async fn run(&self) {
        if let Err(error) = self.take_up().await {
            tracing::error!(%error, "what the last run kept for others; nothing is offered");
            return;
        }
        self.state.lock().is_ready = true;
        let mut is_announced = false;
        loop {
            self.end_leases().await;
            self.announce_room(&mut is_announced);
            let next = self.state.lock().leases.next_end();
            tokio::select! {
                biased;
                () = self.changed.notified() => {}
                () = self.platform.sleep_until(next) => {}
            }
        }
    }

    /// Puts up what the last run kept, and removes what nobody has a lease of.
    async fn take_up(&self) -> Result<(), KeepError> {
        let _changing = self.changing.lock().await;
        let objects: Vec<_> = self.state.lock().leases.objects().collect();
        for address in objects {
            match self.content.publish(address).await {
                Ok(_) => self.announce(address),
                Err(ReadError::Unknown { .. }) => {
                    tracing::warn!(%address, "a copy that was kept for others is gone");
                }
                Err(error) => return Err(error.into()),
            }
        }
        let storage = self.content.storage.calls();
        let list = |store: &stt_store::BinaryStorage| {
            let entries = store.list().map(|entry| Ok(entry?.reference.address));
            entries.collect::<Result<Vec<_>, Failure>>()
        };
        for address in storage.run(list).await? {
            if !self.state.lock().leases.is_kept(address) {
                self.remove(address).await?;
            }
        }
        Ok(())
    }

    async fn end_leases(&self) {
        let changing = self.changing.lock().await;
        let ended = self.state.lock().leases.expire(self.platform.now());
        if ended.is_empty() {
            return;
        }
        for address in ended {
            self.forget(address).await;
        }
        if let Err(error) = self.save().await {
            tracing::warn!(%error, "leases that ended");
        }
        drop(changing);
    }

    /// Writes a lease down, once the object is here; says for how long.
    async fn grant(
        &self,
        owner: NodeId,
        object: &Reference,
        lease: Duration,
    ) -> Result<Duration, KeepError> {
        let changing = self.changing.lock().await;
        let address = object.address;
        let lease = lease.min(self.terms.longest);
        let is_first = !self.state.lock().leases.is_kept(address);
        if is_first {
            let pin = move |store: &stt_store::BinaryStorage| store.pin(address);
            if self.content.storage.calls().run(pin).await.is_err() {
                return Err(ReadError::Unknown { address }.into());
            }
        }
        self.content.publish(address).await?;
        let until: Instant = self.platform.now() + lease;
        self.state.lock().leases.grant(owner, object, until);
        if let Err(failure) = self.save().await {
            if self.state.lock().leases.release(owner, address) {
                self.forget(address).await;
            }
            return Err(KeepError::Leases(failure));
        }
        drop(changing);
        if is_first {
            self.announce(address);
        }
        self.changed.notify_one();
        Ok(lease)
    }

    /// Ends an owner's lease of an object, if there is one.
    async fn release(&self, owner: NodeId, address: Address) {
        let _changing = self.changing.lock().await;
        if self.state.lock().leases.release(owner, address) {
            self.forget(address).await;
        }
        if let Err(error) = self.save().await {
            tracing::warn!(%error, "a lease that was given back");
        }
        self.changed.notify_one();
    }

    /// Keeps an object no more.
    async fn forget(&self, address: Address) {
        self.content.unpublish(address);
        if let Some(dht) = self.node().and_then(|node| node.dht()) {
            self.platform.spawn(async move {
                // What is left of the announcement ends by itself.
                let _ = dht.withdraw(address).await;
            });
        }
        if let Err(error) = self.remove(address).await {
            tracing::warn!(%error, %address, "a copy that is kept no more");
        }
    }

    async fn remove(&self, address: Address) -> Result<(), Failure> {
        let remove = move |store: &stt_store::BinaryStorage| {
            // It may be gone, or never have been pinned.
            let _ = store.unpin(address);
            match store.remove(address) {
                Err(stt_store::RemoveError::Failure(failure)) => Err(failure),
                _ => Ok(()),
            }
        };
        self.content.storage.calls().run(remove).await
    }

    /// Writes the leases down. The caller has `changing`.
    async fn save(&self) -> Result<(), Failure> {
        let Some(file) = self.file.clone() else {
            return Ok(());
        };
        let platform = self.platform.clone();
        let leases = {
            let (now, unix) = (platform.now(), platform.unix_seconds());
            self.state.lock().leases.to_keep(now, unix)
        };
        let write = move || file.write(&leases, &platform).map_err(Failure::from);
        self.content.storage.calls().run_apart(write).await
    }

    fn announce(&self, address: Address) {
        let Some(dht) = self.node().and_then(|node| node.dht()) else {
            return;
        };
        self.platform.spawn(async move {
            // It stays announced, and is tried again.
            if let Err(error) = dht.announce(address).await {
                tracing::info!(%error, %address, "announcing what is kept");
            }
        });
    }

    /// Tells the group whether there is room. spec: COPY-10.
    fn announce_room(&self, is_announced: &mut bool) {
        let Some(node) = self.node() else { return };
        let left = self.terms.bytes.saturating_sub(self.kept().0);
        let is_worth_it = left >= LEAST_ROOM.min(self.terms.bytes.max(1));
        if *is_announced == is_worth_it {
            return;
        }
        *is_announced = is_worth_it;
        let address = offer_address(shard_of(&node.id()));
        if is_worth_it {
            self.announce(address);
        } else if let Some(dht) = node.dht() {
            self.platform.spawn(async move {
                // What is left of the announcement ends by itself.
                let _ = dht.withdraw(address).await;
            });
        }
    }

    fn node(&self) -> Option<Node> {
        self.node.get()?.upgrade()
    }
}

/// Which of the places for offers a keeper announces itself at. spec: COPY-10.
pub(super) fn shard_of(keeper: &NodeId) -> u8 {
    keeper.as_bytes()[0] & (SHARDS - 1)
}

/// Where offers are announced. spec: COPY-10.
pub(super) fn offer_address(shard: u8) -> Address {
    Address::of(&[b"stt offer 1", &[shard][..]].concat())
}

/// Places for offers.
pub(super) const SHARDS: u8 = 16;

/// Who has less room left than this does not say so.
const LEAST_ROOM: u64 = 1 << 20;
