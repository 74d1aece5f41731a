//! iroh-blobs: its store in files, endpoints with direct addresses, without relays and lookups.
//!
//! Its downloader asks one provider after the other for a blob; so that several send at once, each is asked for a
//! range of it here, of the same length.

use std::fs::File;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use iroh::address_lookup::memory::MemoryLookup;
use iroh::endpoint::{Connection, presets};
use iroh::protocol::Router;
use iroh::{Endpoint, EndpointAddr, EndpointId, RelayMode};
use iroh_blobs::api::blobs::{AddPathOptions, ImportMode};
use iroh_blobs::get::request::get_verified_size;
use iroh_blobs::protocol::{ChunkRanges, ChunkRangesExt as _, GetRequest};
use iroh_blobs::store::fs::FsStore;
use iroh_blobs::{BlobFormat, BlobsProtocol, Hash};
use tokio::task::JoinSet;

use super::{Fetch, Ticket};
use crate::args::{Fetcher, Provider};
use crate::content::{self, Comparison};

pub(crate) struct Serving {
    pub(super) ticket: Ticket,
    _router: Router,
}

pub(super) async fn serve(provider: &Provider) -> Result<Serving> {
    let store = FsStore::load(&provider.store).await?;
    let hash = add(&store, &content::whole(&provider.content)).await?;
    publish(store, hash, provider.bind).await
}

/// Adds a file that is left where it is.
pub(super) async fn add(store: &FsStore, path: &Path) -> Result<Hash> {
    let options = AddPathOptions {
        path: std::path::absolute(path)?,
        format: BlobFormat::Raw,
        mode: ImportMode::TryReference,
    };
    let added = store.blobs().add_path_with_opts(options).with_tag().await?;
    Ok(added.hash)
}

pub(super) async fn publish(store: FsStore, hash: Hash, at: IpAddr) -> Result<Serving> {
    let endpoint = bind(at, MemoryLookup::new()).await?;
    let address = endpoint.bound_sockets();
    let ticket = Ticket {
        address: *address.first().context("no address")?,
        id: endpoint.id().to_string(),
        object: hash.to_string(),
    };
    let router = Router::builder(endpoint)
        .accept(iroh_blobs::ALPN, BlobsProtocol::new(&store, None))
        .spawn();
    Ok(Serving {
        ticket,
        _router: router,
    })
}

async fn bind(at: IpAddr, lookup: MemoryLookup) -> Result<Endpoint> {
    let builder = Endpoint::builder(presets::Minimal)
        .relay_mode(RelayMode::Disabled)
        .clear_ip_transports()
        .bind_addr((at, 0))?
        .address_lookup(lookup);
    Ok(builder.bind().await?)
}

/// The side that fetches.
pub(super) struct Fetching {
    pub(super) endpoint: Endpoint,
    pub(super) store: FsStore,
    directory: PathBuf,
    pub(super) object: Hash,
}

impl Fetching {
    pub(super) async fn prepare(fetcher: &Fetcher, tickets: &[Ticket]) -> Result<Self> {
        let lookup = MemoryLookup::new();
        for ticket in tickets {
            lookup.add_endpoint_info(ticket.endpoint()?);
        }
        let first = tickets.first().context("no providers")?;
        Ok(Self {
            endpoint: bind(fetcher.bind, lookup).await?,
            store: FsStore::load(&fetcher.store).await?,
            directory: fetcher.store.clone(),
            object: first.object.parse()?,
        })
    }

    /// Its own `sync_db` makes the database durable, and not the files that blobs are in.
    pub(super) async fn make_durable(&self) -> Result<()> {
        self.store.sync_db().await?;
        let directory = self.directory.clone();
        tokio::task::spawn_blocking(move || sync_all(&directory)).await?
    }

    pub(super) async fn compare(&self, hash: Hash, comparison: &mut Comparison) -> Result<()> {
        let length = self.store.blobs().observe(hash).await?.size();
        let mut offset = 0;
        while offset < length {
            let end = length.min(offset + (1 << 20));
            let range = self.store.blobs().export_ranges(hash, offset..end);
            comparison.take(&range.concatenate().await?)?;
            offset = end;
        }
        Ok(())
    }
}

fn sync_all(directory: &Path) -> Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            sync_all(&path)?;
        } else {
            File::open(path)?.sync_data()?;
        }
    }
    Ok(File::open(directory)?.sync_all()?)
}

impl Ticket {
    fn endpoint(&self) -> Result<EndpointAddr> {
        Ok(EndpointAddr::new(self.endpoint_id()?).with_ip_addr(self.address))
    }

    pub(super) fn endpoint_id(&self) -> Result<EndpointId> {
        Ok(self.id.parse()?)
    }
}

/// One blob, a range of it from each provider.
pub(super) struct Ranges(pub(super) Fetching);

impl Fetch for Ranges {
    async fn fetch(&mut self, tickets: &[Ticket]) -> Result<()> {
        let Fetching {
            endpoint,
            store,
            object,
            ..
        } = &self.0;
        let mut fetches = JoinSet::new();
        for (index, ticket) in tickets.iter().enumerate() {
            let (endpoint, store, object) = (endpoint.clone(), store.clone(), *object);
            let (to, count) = (ticket.endpoint()?, tickets.len());
            fetches.spawn(async move {
                let connection = endpoint.connect(to, iroh_blobs::ALPN).await?;
                let request = part(&connection, object, (index, count)).await?;
                store.remote().execute_get(connection, request).await?;
                anyhow::Ok(())
            });
        }
        while let Some(fetched) = fetches.join_next().await {
            fetched??;
        }
        Ok(())
    }

    async fn make_durable(&mut self) -> Result<()> {
        self.0.make_durable().await
    }

    async fn compare(&mut self, comparison: &mut Comparison) -> Result<()> {
        self.0.compare(self.0.object, comparison).await
    }
}

/// The request for one part of several. How long the blob is, the provider tells first.
async fn part(
    connection: &Connection,
    object: Hash,
    (index, count): (usize, usize),
) -> Result<GetRequest> {
    if count == 1 {
        return Ok(GetRequest::blob(object));
    }
    let (length, _) = get_verified_size(connection, &object).await?;
    let chunks = length.div_ceil(1_024);
    // In the groups of 16 chunks that the store keeps hashes of.
    let bound = |index: usize| (chunks * index as u64 / count as u64).next_multiple_of(16);
    let ranges = if index + 1 == count {
        ChunkRanges::chunks(bound(index)..)
    } else {
        ChunkRanges::chunks(bound(index)..bound(index + 1))
    };
    Ok(GetRequest::blob_ranges(object, ranges))
}
