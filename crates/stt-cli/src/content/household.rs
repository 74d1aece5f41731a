//! What a node gives to members, and has others keep: by commands of its owner, and by what it did in its last run.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use stt::{
    BinaryStorage, Fetch, Node, PlaceError, Replication, Sealing, Wanted,
    storage::{Address, Reference, StoreError},
};
use tokio::{io::AsyncRead, sync::Mutex as AsyncMutex, time::timeout};

use super::{CopyTerms, Shelf};
use crate::{args::ObjectName, control::Answer, exit::Failure, status::Status, teller::Teller};

/// A node with a storage.
pub(crate) struct Household {
    node: Node,
    storage: BinaryStorage,
    shelf: AsyncMutex<Shelf>,
    copies: Mutex<BTreeMap<Address, Arc<AsyncMutex<Replication>>>>,
}

impl Household {
    pub(crate) fn new(node: Node, storage: BinaryStorage, shelf: Shelf) -> Self {
        Self {
            node,
            storage,
            shelf: AsyncMutex::new(shelf),
            copies: Mutex::default(),
        }
    }

    pub(crate) fn storage(&self) -> &BinaryStorage {
        &self.storage
    }

    /// Gives what the last run gave, and looks after its copies.
    pub(crate) async fn take_up(&self, status: Status) {
        let rows: Vec<_> = self.shelf.lock().await.rows().cloned().collect();
        for (object, terms) in rows {
            let taken = match terms {
                None => self
                    .node
                    .publish(object)
                    .await
                    .map(drop)
                    .map_err(Failure::from),
                Some(terms) => self.copy_again(object, &terms).await,
            };
            if let Err(failure) = taken {
                let why = failure.message;
                status.note(format_args!("{} is given no more: {why}", object.address));
            }
        }
    }

    async fn copy_again(&self, object: Reference, terms: &CopyTerms) -> Result<(), Failure> {
        let mut options = terms.options()?;
        options.sealing = Sealing::AsItIs;
        let replication = self.node.replicate_with(object, options).await?;
        let replication = Arc::new(AsyncMutex::new(replication));
        self.copies.lock().insert(object.address, replication);
        Ok(())
    }

    /// Stores what comes.
    pub(crate) async fn store(
        &self,
        source: impl AsyncRead,
        name: &str,
    ) -> Result<Reference, Failure> {
        let stored = self.storage.store_reader(source).await;
        stored.map_err(|error| match error {
            StoreError::Source(why) => Failure::usage(format!("cannot read {name}: {why}")),
            other => other.into(),
        })
    }

    /// Lets members have what was stored.
    pub(crate) async fn publish(
        &self,
        stored: Reference,
        teller: &mut Teller<'_>,
    ) -> Result<(), Failure> {
        self.node.publish(stored).await?;
        self.shelf.lock().await.put(stored, None)?;
        if let Some(dht) = self.node.dht() {
            // Others find it once this is done; it is tried again if it is not.
            if let Err(error) = dht.announce(stored.address).await {
                let text = format!("not announced yet: {error}");
                teller.tell(Answer::Note { text }).await?;
            }
        }
        let object = stored.to_string();
        let sealed = None;
        teller.tell(Answer::Stored { object, sealed }).await
    }

    /// Has others keep what is here, and waits until they do.
    pub(crate) async fn replicate(
        &self,
        address: Address,
        terms: &CopyTerms,
        teller: &mut Teller<'_>,
    ) -> Result<(), Failure> {
        let replication = self.node.replicate_with(address, terms.options()?).await?;
        let object = replication.object();
        let sealed = replication
            .sealed()
            .map(stt::storage::SealedReference::to_text);
        self.shelf.lock().await.put(object, Some(terms.clone()))?;
        let replication = Arc::new(AsyncMutex::new(replication));
        let mine = Arc::clone(&replication);
        self.copies.lock().insert(object.address, replication);
        let object = object.to_string();
        teller.tell(Answer::Stored { object, sealed }).await?;
        wait_for_copies(&mut *mine.lock().await, teller).await
    }

    /// Gives an object to nobody any more, and has keepers forget it.
    pub(crate) async fn release(&self, address: Address) -> Result<(), Failure> {
        let had = self.shelf.lock().await.remove(address)?;
        self.node.unpublish(address);
        let copies = self.copies.lock().remove(&address);
        if let Some(replication) = copies.and_then(Arc::into_inner) {
            replication.into_inner().release().await;
        }
        if had {
            return Ok(());
        }
        let why = format!("the node does not give {address} to anybody");
        Err(Failure::new(crate::exit::Exit::NotFound, why))
    }

    /// Begins to get an object from whoever has it.
    pub(crate) fn fetch(&self, object: &ObjectName) -> Result<Fetch, Failure> {
        Ok(self.node.fetch(wanted(object))?)
    }
}

/// What is to be fetched for a name.
pub(super) fn wanted(object: &ObjectName) -> Wanted {
    match object {
        ObjectName::Address(address) => (*address).into(),
        ObjectName::Reference(reference) => (*reference).into(),
        ObjectName::Sealed(sealed) => sealed.object.into(),
    }
}

/// Keepers that decline will do so again for a while.
fn is_final(shortfall: &PlaceError) -> bool {
    matches!(shortfall, PlaceError::TooFew { declined, .. } if *declined > 0)
}

/// Longer than it takes to look for keepers once more.
const PATIENCE: Duration = Duration::from_secs(12);

/// Tells how many copies there are, until there are enough, or nobody is left who might keep one.
async fn wait_for_copies(
    replication: &mut Replication,
    teller: &mut Teller<'_>,
) -> Result<(), Failure> {
    let wanted = replication.status().wanted;
    let mut told = None;
    let begun = Instant::now();
    loop {
        let kept = replication.status().kept();
        if told != Some(kept) {
            told = Some(kept);
            teller.tell(Answer::Copies { kept, wanted }).await?;
        }
        if kept >= wanted {
            return Ok(());
        }
        let left = PATIENCE.saturating_sub(begun.elapsed());
        match replication.status().shortfall {
            Some(shortfall) if left.is_zero() || is_final(&shortfall) => {
                return Err(shortfall.into());
            }
            None => {
                if replication.changed().await.is_none() {
                    return Err(Failure::broken_off("the node is shut down"));
                }
            }
            // Who has just started may not be found yet.
            Some(_) => drop(timeout(left, replication.changed()).await),
        }
    }
}
