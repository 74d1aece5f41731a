//! The content store beside plain files, iroh-blobs and restic: one run, interleaved rounds, medians.
//!
//! Each measurement is of data that is durable when the clock stops, unless its name says
//! otherwise. CPU seconds are of this process and of its children; what is not CPU is waiting, and
//! nearly all of that is for the medium.

mod measure;
mod peers;
mod table;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Parser;

use peers::{Peer, Work};
use table::Table;

/// Measures stores in a directory of the disk in question.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where to write. Everything below it that this makes is removed again.
    directory: PathBuf,
    /// Bytes of the large object, in MiB.
    #[arg(long, default_value_t = 512)]
    mib: usize,
    /// How many objects of 4 KiB are stored in batches.
    #[arg(long, default_value_t = 50_000)]
    small: usize,
    /// How many of them are stored one after the other, each with its sync.
    #[arg(long, default_value_t = 100)]
    single: usize,
    /// How often each is measured.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only these.
    #[arg(long, value_delimiter = ',')]
    peers: Vec<Peer>,
    /// What a process does that is there to be killed.
    #[arg(long, hide = true)]
    write_until_killed: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.write_until_killed {
        return peers::write_until_killed(&arguments.directory);
    }
    ensure!(arguments.rounds > 0, "no rounds");
    let place = arguments.directory.join("stt-store-bench");
    std::fs::create_dir_all(&place)?;
    let disk = measure::Disk::observe(&place)?;
    println!("{disk}\n");
    let work = Work::new(arguments.mib, arguments.small, arguments.single);
    let peers = if arguments.peers.is_empty() {
        Peer::present()
    } else {
        arguments.peers
    };
    let mut table = Table::default();
    for round in 0..arguments.rounds {
        for turn in 0..peers.len() {
            // The turn to be first moves on.
            let peer = peers[(round + turn) % peers.len()];
            let own = place.join("peer");
            std::fs::create_dir_all(&own)?;
            let results = peer.run(&own, &work).await?;
            for (what, result) in &results {
                eprintln!("round {round} {peer:?} {what}: {result}");
            }
            table.add(peer, results);
            std::fs::remove_dir_all(&own)?;
        }
    }
    println!("{table}");
    std::fs::remove_dir_all(&place)?;
    Ok(())
}
