//! Rounds: in each, every peer has its turn, so that what disturbs the machine disturbs all alike.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;
use serde::Serialize;

use crate::{
    args::{PeerName, Plan, Run, name_of},
    children,
    scenarios::{Outcome, Scenario},
    system,
};

/// One run that counts.
#[derive(Debug, Serialize)]
pub(crate) struct Record {
    pub(crate) scenario: Scenario,
    pub(crate) peer: PeerName,
    pub(crate) round: usize,
    /// Load average of the last minute when it ended.
    pub(crate) load: f64,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

/// What was run, and what came to nothing.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Results {
    pub(crate) records: Vec<Record>,
    pub(crate) failures: Vec<String>,
    /// Runs repeated because others were busy.
    pub(crate) repeated: usize,
    /// Time spent waiting for others to be done.
    waited: Duration,
}

pub(crate) fn run(plan: &Plan) -> Result<Results> {
    let mut results = Results::default();
    for scenario in &plan.scenarios {
        for round in 0..plan.rounds {
            for peer in order(&plan.peers, round) {
                if scenario.is_offered_by(peer) {
                    turn(plan, *scenario, peer, round, &mut results)?;
                }
            }
        }
    }
    Ok(results)
}

/// Nobody is always first.
fn order(peers: &[PeerName], round: usize) -> Vec<PeerName> {
    let mut order = peers.to_vec();
    if !order.is_empty() {
        order.rotate_left(round % peers.len());
    }
    order
}

fn turn(
    plan: &Plan,
    scenario: Scenario,
    peer: PeerName,
    round: usize,
    results: &mut Results,
) -> Result<()> {
    let side = |cpu: usize| Run {
        peer,
        scenario,
        cpu: plan.pin.then_some(cpu),
        server: 0,
        settings: plan.settings.clone(),
    };
    for again in 0..=REPEATS {
        wait_until_quiet(plan, results)?;
        let what = format!("{} {} round {round}", name_of(&scenario), name_of(&peer));
        match children::run(&side(0), &side(1)) {
            Ok(outcome) => {
                let busy = plan.quiet.is_some_and(|cores| outcome.others > cores)
                    && scenario != Scenario::Idle;
                eprintln!("{what}: {}", brief(&outcome));
                if busy && again < REPEATS {
                    results.repeated += 1;
                    continue;
                }
                results.records.push(Record {
                    scenario,
                    peer,
                    round,
                    load: system::load()?,
                    outcome,
                });
            }
            Err(error) => {
                eprintln!("{what}: {error:#}");
                results.failures.push(format!("{what}: {error:#}"));
            }
        }
        break;
    }
    Ok(())
}

fn brief(outcome: &Outcome) -> String {
    let metrics = outcome.metrics.iter();
    let metrics = metrics.map(|(name, value)| format!("{value:.2} {name}"));
    let metrics: Vec<String> = metrics.collect();
    format!(
        "{} (others {:.2} cores)",
        metrics.join(", "),
        outcome.others
    )
}

/// Waits for others to be done, but not for ever.
fn wait_until_quiet(plan: &Plan, results: &mut Results) -> Result<()> {
    let Some(cores) = plan.quiet else {
        return Ok(());
    };
    while results.waited < QUIET_WITHIN {
        let (before, looked) = (system::machine_busy()?, Instant::now());
        thread::sleep(LOOK_FOR);
        let busy = (system::machine_busy()? - before) / looked.elapsed().as_secs_f64();
        if busy < cores {
            break;
        }
        results.waited += looked.elapsed();
    }
    Ok(())
}

const REPEATS: usize = 4;
const QUIET_WITHIN: Duration = Duration::from_mins(3);
const LOOK_FOR: Duration = Duration::from_millis(500);
