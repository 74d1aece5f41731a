//! Measures how an object is fetched from one provider and from several, beside iroh-blobs.
//!
//! | | where |
//! |---|---|
//! | the command line | [`args`] |
//! | rounds of fetches, each provider and the fetcher a process | [`rounds`], [`children`] |
//! | who is measured, and how each serves and fetches | [`peers`] |
//! | the bytes that are fetched | [`content`] |
//! | namespaces with links of given rates | [`links`] |
//! | CPU time, memory, bytes on the network interfaces | [`system`] |
//! | tables | [`report`] |

mod args;
mod children;
mod content;
mod links;
mod peers;
mod report;
mod rounds;
mod system;

use std::io::{Read as _, stdin};

use anyhow::Result;
use clap::Parser as _;

use args::{Arguments, Fetcher, Provider, Side};

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.side {
        None => report::print(&arguments.plan, &rounds::run(&arguments.plan)?),
        Some(Side::Provide(provider)) => provide(provider),
        Some(Side::Fetch(fetcher)) => fetch(fetcher),
    }
}

#[tokio::main]
async fn provide(provider: Provider) -> Result<()> {
    let serving = provider.peer.serve(&provider).await?;
    println!("{}", serde_json::to_string(serving.ticket())?);
    // A provider outlives nobody: its standard input ends when whoever started it does.
    tokio::task::spawn_blocking(|| stdin().lock().read_to_end(&mut Vec::new())).await??;
    std::process::exit(0);
}

#[tokio::main]
async fn fetch(fetcher: Fetcher) -> Result<()> {
    let mut lines = stdin().lines();
    let mut tickets = Vec::new();
    while let Some(line) = lines.next().transpose()? {
        tickets.push(serde_json::from_str(&line)?);
    }
    let outcome = peers::measure(&fetcher, &tickets).await?;
    println!("{}", serde_json::to_string(&outcome)?);
    std::process::exit(0);
}
