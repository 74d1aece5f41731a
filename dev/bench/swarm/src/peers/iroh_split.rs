//! iroh-blobs: the object as a sequence of blobs, which its downloader divides among the providers.

use anyhow::Result;
use iroh_blobs::api::blobs::AddBytesOptions;
use iroh_blobs::api::downloader::{DownloadOptions, Downloader, Shuffled, SplitStrategy};
use iroh_blobs::hashseq::HashSeq;
use iroh_blobs::store::fs::FsStore;
use iroh_blobs::{BlobFormat, HashAndFormat};

use super::iroh::{Fetching, Serving, add, publish};
use super::{Fetch, Ticket};
use crate::args::Provider;
use crate::content::{self, Comparison};

pub(super) async fn serve(provider: &Provider) -> Result<Serving> {
    let store = FsStore::load(&provider.store).await?;
    let mut hashes = Vec::new();
    for piece in content::pieces(&provider.content)? {
        hashes.push(add(&store, &piece).await?);
    }
    let sequence: HashSeq = hashes.into_iter().collect();
    let options = AddBytesOptions {
        data: sequence.into(),
        format: BlobFormat::HashSeq,
    };
    let added = store.blobs().add_bytes_with_opts(options).with_tag();
    let hash = added.await?.hash;
    publish(store, hash, provider.bind).await
}

/// A sequence, divided by the downloader.
pub(super) struct Split(pub(super) Fetching);

impl Fetch for Split {
    async fn fetch(&mut self, tickets: &[Ticket]) -> Result<()> {
        let providers = tickets.iter().map(Ticket::endpoint_id);
        let providers = Shuffled::new(providers.collect::<Result<_>>()?);
        let wanted = HashAndFormat::hash_seq(self.0.object);
        let options = DownloadOptions::new(wanted, providers, SplitStrategy::Split);
        let downloader = Downloader::new(&self.0.store, &self.0.endpoint);
        Ok(downloader.download_with_opts(options).await?)
    }

    async fn make_durable(&mut self) -> Result<()> {
        self.0.make_durable().await
    }

    async fn compare(&mut self, comparison: &mut Comparison) -> Result<()> {
        let sequence = self.0.store.blobs().get_bytes(self.0.object).await?;
        let sequence = HashSeq::try_from(sequence)?;
        for hash in sequence {
            self.0.compare(hash, comparison).await?;
        }
        Ok(())
    }
}
