//! The runtime that drives nodes.

use std::future::Future;

use tokio::runtime::Builder;

use crate::exit::{Exit, Failure};

/// How many threads drive the nodes of a process.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Threads {
    /// For one session at a time: work that stays on a thread costs fewer wake-ups. Measured on two
    /// cores, 1 GiB both ways: 2.5 s, where many took 3.0 s.
    One,
    /// As many as the machine has cores.
    Many,
}

/// Runs `work` to its end. What it leaves behind dies with the process.
pub(crate) fn run(
    threads: Threads,
    work: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let mut builder = match threads {
        Threads::One => Builder::new_current_thread(),
        Threads::Many => Builder::new_multi_thread(),
    };
    let runtime = builder
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Other, format!("cannot start: {error}")))?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_background();
    outcome
}
