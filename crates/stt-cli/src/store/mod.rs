//! `stt store`: bytes kept encrypted on this machine, addressed by their hash.
//!
//! ```text
//! place     which directory, opened by whose seed      progress  a bar on a terminal
//! put, get  objects in and out                         stop      Ctrl-C, seen by work that blocks
//! shelf     ls, rm, pin, stat, verify, compact         output    where the bytes of `get` go
//! keys      add-seed, remove-seed, rotate-key
//! ```
//!
//! The store blocks, so the work has a thread of its own, and this one waits for signals.
//!
//! *Invariant*: an answer on standard output is given after the store is closed, so that whoever
//! reads it finds the store free.

mod get;
mod keys;
pub(crate) mod output;
mod place;
mod progress;
mod put;
mod shelf;
mod stop;

use std::{path::PathBuf, time::Duration};

use crate::{
    args::{Store, StoreAction},
    exit::Failure,
    signals::Signals,
    status::Status,
};

use place::Place;
use stop::Stop;

pub(crate) async fn run(
    asked: Store,
    data_dir: Option<PathBuf>,
    status: Status,
) -> Result<(), Failure> {
    let mut signals = Signals::watch()?;
    let stop = Stop::default();
    let seen = stop.clone();
    let work = move || act(asked, data_dir, status, &seen);
    let mut working = tokio::task::spawn_blocking(work);
    let outcome = tokio::select! {
        outcome = &mut working => Some(outcome),
        () = signals.next() => {
            stop.ask();
            // It may wait for bytes that never come, or be inside the store, which bears an end.
            tokio::time::timeout(END_WITHIN, working).await.ok()
        }
    };
    match outcome {
        Some(Ok(outcome)) => outcome,
        Some(Err(broken)) => Err(Failure::other(format!("cannot go on: {broken}"))),
        None => Err(stop::interrupted()),
    }
}

fn act(
    asked: Store,
    data_dir: Option<PathBuf>,
    status: Status,
    stop: &Stop,
) -> Result<(), Failure> {
    let place = Place::of(asked.place, data_dir)?;
    match asked.action {
        StoreAction::Put(asked) => put::put(&asked, &place, status, stop),
        StoreAction::Get(asked) => get::get(&asked, &place, status, stop),
        StoreAction::Ls => shelf::list(&place, status, stop),
        StoreAction::Rm(asked) => shelf::remove(&asked, &place),
        StoreAction::Pin(asked) => shelf::pin(&asked, &place),
        StoreAction::Unpin(asked) => shelf::unpin(&asked, &place),
        StoreAction::Verify => shelf::verify(&place, status),
        StoreAction::Stat => shelf::stat(&place, status),
        StoreAction::Compact => shelf::compact(&place, status),
        StoreAction::AddSeed(asked) => keys::add(&asked.file, &place, status),
        StoreAction::RemoveSeed(asked) => keys::remove(&asked.file, &place, status),
        StoreAction::RotateKey(asked) => keys::rotate(&asked, &place, status),
    }
}

/// How long work may take to end of its own, which leaves nothing to repair.
const END_WITHIN: Duration = Duration::from_secs(2);
