//! Who is measured: how each serves its copy, and how it fetches from all providers at once.

mod iroh;
mod iroh_split;
mod stt;

use std::fmt;
use std::net::SocketAddr;

use anyhow::Result;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::args::{Fetcher, Provider};
use crate::content;
use crate::system::{Window, memory_peak};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum PeerName {
    /// This library: one object, from a reference.
    Stt,
    /// iroh-blobs: one blob; from several providers, a range of it from each, divided by hand.
    Iroh,
    /// iroh-blobs: a sequence of blobs of 16 MiB, divided by its downloader.
    IrohSplit,
}

/// Everything a fetcher must know of a provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Ticket {
    address: SocketAddr,
    /// Who it is.
    id: String,
    /// What it has.
    object: String,
}

/// A provider at work. It ends when this is dropped.
pub(crate) enum Serving {
    Stt(stt::Serving),
    Iroh(iroh::Serving),
}

/// What a fetch took.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// By name, in the order in which they are shown.
    pub(crate) metrics: Vec<(String, f64)>,
    /// Cores that other processes kept busy.
    pub(crate) others: f64,
}

impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stt => "stt",
            Self::Iroh => "iroh",
            Self::IrohSplit => "iroh-split",
        })
    }
}

impl PeerName {
    pub(crate) async fn serve(self, provider: &Provider) -> Result<Serving> {
        Ok(match self {
            Self::Stt => Serving::Stt(stt::serve(provider).await?),
            Self::Iroh => Serving::Iroh(iroh::serve(provider).await?),
            Self::IrohSplit => Serving::Iroh(iroh_split::serve(provider).await?),
        })
    }
}

impl Serving {
    pub(crate) fn ticket(&self) -> &Ticket {
        match self {
            Self::Stt(serving) => &serving.ticket,
            Self::Iroh(serving) => &serving.ticket,
        }
    }
}

/// Fetches, and measures from before the first packet until all is durable; then compares every byte.
pub(crate) async fn measure(fetcher: &Fetcher, tickets: &[Ticket]) -> Result<Outcome> {
    match fetcher.peer {
        PeerName::Stt => {
            let peer = stt::Fetching::prepare(fetcher).await?;
            measure_one(peer, fetcher, tickets).await
        }
        PeerName::Iroh => {
            let peer = iroh::Ranges(iroh::Fetching::prepare(fetcher, tickets).await?);
            measure_one(peer, fetcher, tickets).await
        }
        PeerName::IrohSplit => {
            let peer = iroh_split::Split(iroh::Fetching::prepare(fetcher, tickets).await?);
            measure_one(peer, fetcher, tickets).await
        }
    }
}

/// One way to fetch.
trait Fetch {
    /// Returns when all of the object is in the store and can be read.
    async fn fetch(&mut self, tickets: &[Ticket]) -> Result<()>;

    /// Returns when it survives a loss of power.
    async fn make_durable(&mut self) -> Result<()>;

    async fn compare(&mut self, comparison: &mut content::Comparison) -> Result<()>;
}

async fn measure_one(
    mut peer: impl Fetch,
    fetcher: &Fetcher,
    tickets: &[Ticket],
) -> Result<Outcome> {
    let length = content::whole(&fetcher.content).metadata()?.len() as f64;
    let window = Window::open(&fetcher.processes)?;
    peer.fetch(tickets).await?;
    let readable = window.look()?;
    peer.make_durable().await?;
    let durable = window.look()?;
    let memory = memory_peak()?;
    let mut comparison = content::Comparison::begin(&fetcher.content)?;
    peer.compare(&mut comparison).await?;
    comparison.end()?;
    let mut metrics = Vec::new();
    let mut add = |name: &str, value: f64| metrics.push((name.to_owned(), value));
    add("MB/s until readable", length / 1e6 / readable.seconds);
    add("MB/s until durable", length / 1e6 / durable.seconds);
    add("fetcher CPU-s/GB", durable.own_cpu / length * 1e9);
    add("providers CPU-s/GB", durable.others_cpu / length * 1e9);
    if let Some(sent) = durable.sent {
        add("bytes sent for a byte", sent / length);
    }
    add("fetcher memory, MiB", memory / f64::from(1 << 20));
    Ok(Outcome {
        metrics,
        others: durable.rest,
    })
}
