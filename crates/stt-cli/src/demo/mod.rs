//! `stt demo`: real nodes in one process, on the loopback address, and every byte checked.
//!
//! Each step is a file in [`steps`]: it starts nodes of its own, does one thing, and returns what it
//! saw or what was off. *Invariant*: a row of the report says what was measured in this run;
//! nothing in it is known beforehand.

mod pair;
mod relay;
mod report;
mod sample;
mod steps;

use std::{future::Future, path::Path, time::Duration};

use stt::NodeSeed;

pub(crate) use report::Shape;

use self::{report::Report, sample::Sample};
use crate::{args::Demo, data_dir, exit::Failure, status::Status};

/// What all steps have in common.
#[derive(Debug)]
struct Stage {
    /// What is moved.
    sample: Sample,
    /// Who the first node is, if that is kept.
    seed: Option<NodeSeed>,
}

/// What a step saw.
#[derive(Debug)]
struct Seen {
    /// In a few words.
    what: String,
    /// Bytes of the application that were moved and checked.
    bytes: Option<u64>,
    /// How long that took.
    took: Duration,
}

pub(crate) fn run(
    asked: Demo,
    data_dir: Option<&Path>,
    shape: Shape,
) -> impl Future<Output = Result<(), Failure>> {
    let seed = data_dir.map(|data_dir| data_dir::node_seed(data_dir, Status::Human));
    async move {
        let path = match asked.file {
            Some(path) => path,
            None => std::env::current_exe()
                .map_err(|error| Failure::other(format!("cannot find this program: {error}")))?,
        };
        let sample = Sample::open(&path)
            .await
            .map_err(|error| Failure::usage(format!("cannot move {}: {error}", path.display())))?;
        let seed = seed.transpose()?;
        let stage = Stage { sample, seed };
        let mut report = Report::begin(shape, &stage.sample)?;
        for (name, step) in steps::ALL {
            let seen = match tokio::time::timeout(STEP_WITHIN, step(&stage)).await {
                Ok(seen) => seen,
                Err(_) => Err(anyhow::anyhow!("not done after {STEP_WITHIN:?}")),
            };
            report.add(name, seen)?;
        }
        report.end()
    }
}

/// A step that takes longer hangs, unless the file is huge.
const STEP_WITHIN: Duration = Duration::from_secs(600);
