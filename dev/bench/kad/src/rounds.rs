//! Rounds: in each, every peer has its turn, so that what disturbs the machine disturbs all alike.

use std::env;
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

use crate::args::{PeerName, Plan};
use crate::measure::Outcome;
use crate::system;

/// One run.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) peer: PeerName,
    pub(crate) round: usize,
    /// Load average of the last minute when it ended.
    pub(crate) load: f64,
    pub(crate) outcome: Outcome,
}

pub(crate) fn run(plan: &Plan) -> Result<Vec<Record>> {
    ensure!(plan.work.members > 1, "nobody to ask");
    ensure!(plan.work.operations > 0, "nothing to do");
    let mut records = Vec::new();
    for round in 0..plan.rounds {
        for turn in 0..plan.peers.len() {
            // Nobody is always first.
            let peer = plan.peers[(round + turn) % plan.peers.len()];
            eprintln!("round {round}, {peer}");
            let outcome = run_once(plan, peer)?;
            records.push(Record {
                peer,
                round,
                load: system::load()?,
                outcome,
            });
        }
    }
    Ok(records)
}

fn run_once(plan: &Plan, peer: PeerName) -> Result<Outcome> {
    let output = Command::new(env::current_exe()?)
        .args(plan.work.to_args(peer))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "{peer} failed: {}", output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}
