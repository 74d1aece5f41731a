//! Rounds: in each, every peer has its turn, so that what disturbs the machine disturbs all alike.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::args::{Fetcher, Plan, Provider};
use crate::links::{Home, Links};
use crate::peers::{Outcome, PeerName};
use crate::{children, content, system};

/// One fetch.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) providers: usize,
    pub(crate) peer: PeerName,
    pub(crate) round: usize,
    /// Load average of the last minute when it ended.
    pub(crate) load: f64,
    pub(crate) outcome: Outcome,
}

pub(crate) fn run(plan: &Plan) -> Result<Vec<Record>> {
    ensure!(plan.rounds > 0 && !plan.peers.is_empty(), "nothing to do");
    ensure!(!plan.providers.contains(&0), "nobody to fetch from");
    let directory = plan.directory.as_deref().context("where?")?;
    let place = directory.join("stt-swarm-bench");
    let content = place.join("content");
    content::make(&content, plan.mib)?;
    let mut records = Vec::new();
    let links = (!plan.links.is_empty())
        .then(|| Links::new(&plan.links))
        .transpose()?;
    for providers in &plan.counts() {
        for round in 0..plan.rounds {
            for turn in 0..plan.peers.len() {
                // Nobody is always first.
                let peer = plan.peers[(round + turn) % plan.peers.len()];
                let outcome = fetch_once(&place, plan.mib, peer, *providers, links.as_ref())?;
                let load = system::load()?;
                let metrics: Vec<String> = outcome
                    .metrics
                    .iter()
                    .map(|(name, value)| format!("{value:.2} {name}"))
                    .collect();
                eprintln!(
                    "{providers} providers, {peer}, round {round}: {} (others {:.2} cores)",
                    metrics.join(", "),
                    outcome.others
                );
                records.push(Record {
                    providers: *providers,
                    peer,
                    round,
                    load,
                    outcome,
                });
            }
        }
    }
    fs::remove_dir_all(&place)?;
    Ok(records)
}

/// The stores of the providers stay for the next time; that of the fetcher does not.
fn fetch_once(
    place: &Path,
    mib: u64,
    peer: PeerName,
    providers: usize,
    links: Option<&Links>,
) -> Result<Outcome> {
    let content = &place.join("content");
    let place = place.join(peer.to_string());
    let providers: Vec<_> = (0..providers as u8)
        .map(|number| {
            let home = links.map_or_else(Home::here, |links| links.provider(number));
            let provider = Provider {
                peer,
                number: number.into(),
                bind: home.address,
                store: place.join(number.to_string()),
                content: content.to_owned(),
            };
            (home, provider)
        })
        .collect();
    let home = links.map_or_else(Home::here, Links::fetcher);
    let fetcher = Fetcher {
        peer,
        bind: home.address,
        store: place.join("fetcher"),
        content: content.to_owned(),
        processes: Vec::new(),
    };
    fs::create_dir_all(&fetcher.store)?;
    let ready = || content::warm(&fetcher.store, mib);
    let outcome = children::run(&providers, (&home, &fetcher), ready);
    fs::remove_dir_all(&fetcher.store)?;
    outcome
}
