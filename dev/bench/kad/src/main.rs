//! Measures how members and providers are found, beside libp2p-kad: hundreds of members in one process.
//!
//! | | where |
//! |---|---|
//! | the command line | [`args`] |
//! | rounds of runs, each a process of its own | [`rounds`] |
//! | who is measured | [`peers`] |
//! | what is measured | [`measure`] |
//! | CPU time, bytes on the loopback interface | [`system`] |
//! | tables | [`report`] |

mod args;
mod measure;
mod peers;
mod report;
mod rounds;
mod system;

use anyhow::Result;
use clap::Parser as _;

use args::{Arguments, PeerName, Side, Work};
use measure::Outcome;
use peers::libp2p::{OverMemory, OverQuic, Swarms};
use peers::stt::Nodes;

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.side {
        None => report::print(&arguments.plan, &rounds::run(&arguments.plan)?),
        Some(Side::Run { peer, work }) => {
            let outcome = run(peer, &work)?;
            println!("{}", serde_json::to_string(&outcome)?);
            std::process::exit(0);
        }
    }
}

#[tokio::main]
async fn run(peer: PeerName, work: &Work) -> Result<Outcome> {
    match peer {
        PeerName::Stt => measure::run::<Nodes>(work).await,
        PeerName::Libp2p => measure::run::<Swarms<OverMemory>>(work).await,
        PeerName::Libp2pQuic => measure::run::<Swarms<OverQuic>>(work).await,
    }
}
