//! Where a node that runs keeps bytes: its owner's, in `store`, and those of others, in `offer`, of its data dir.

use std::{path::Path, sync::Arc};

use stt::{
    BinaryStorage, Node, NodeBuilder, NodeSeed, OfferOptions,
    storage::{StorageOptions, StoreKey},
};

use crate::{
    content::{Household, Shelf},
    exit::Failure,
};

/// What a data dir has room for.
pub(super) struct Storages {
    own: Option<BinaryStorage>,
    offer: Option<OfferOptions>,
}

impl Storages {
    /// Opens them, or makes them. `offer` is how many bytes others may have, and one of them.
    pub(super) async fn open(
        offer: Option<(u64, Option<u64>)>,
        data_dir: Option<&Path>,
        seed: &NodeSeed,
    ) -> Result<Self, Failure> {
        let Some(data_dir) = data_dir else {
            if offer.is_some() {
                let why =
                    "room for others is offered in a data dir: --data-dir DIR or STT_DATA_DIR";
                return Err(Failure::usage(why));
            }
            let (own, offer) = (None, None);
            return Ok(Self { own, offer });
        };
        let own = open(&data_dir.join("store"), StorageOptions::default(), seed).await?;
        let offer = match offer {
            None => None,
            Some((bytes, share)) => {
                let quota = bytes.saturating_add(bytes / 64).saturating_add(LEEWAY);
                let options = StorageOptions::default().quota(quota);
                let storage = open(&data_dir.join("offer"), options, seed).await?;
                let offer = OfferOptions::new(storage, bytes).data_dir(data_dir);
                Some(match share {
                    None => offer,
                    Some(share) => offer.share(share),
                })
            }
        };
        let own = Some(own);
        Ok(Self { own, offer })
    }

    /// Gives them to a node.
    pub(super) fn join(&self, mut builder: NodeBuilder) -> NodeBuilder {
        if let Some(own) = &self.own {
            builder = builder.storage(own.clone());
        }
        match &self.offer {
            Some(offer) => builder.offer(offer.clone()),
            None => builder,
        }
    }

    /// What its owner has it give to others.
    pub(super) fn household(
        self,
        node: &Node,
        data_dir: Option<&Path>,
    ) -> Result<Option<Arc<Household>>, Failure> {
        let (Some(own), Some(data_dir)) = (self.own, data_dir) else {
            return Ok(None);
        };
        let household = Household::new(node.clone(), own, Shelf::open(data_dir)?);
        Ok(Some(Arc::new(household)))
    }
}

async fn open(
    directory: &Path,
    options: StorageOptions,
    seed: &NodeSeed,
) -> Result<BinaryStorage, Failure> {
    let opened = options.open(directory, StoreKey::Node(seed)).await;
    opened.map_err(|error| Failure::from(error).about(directory.display()))
}

/// What records take beside objects, and copies on their way that were given up.
const LEEWAY: u64 = 64 << 20;
