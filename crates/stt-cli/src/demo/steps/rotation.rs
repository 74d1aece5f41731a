//! The group gets a new seed epoch while the file is on its way.
//!
//! The transfer goes on through the grace; then the session that the old epoch had authenticated is
//! ended on both sides, and the next one is of the new epoch.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use stt::{CloseReason, Session, SystemEntropy};

use crate::demo::{
    Seen, Stage,
    pair::{Pair, address},
    sample::receive,
};

pub(super) async fn run(stage: &Stage) -> anyhow::Result<Seen> {
    let pair = Pair::start(stage.seed.as_ref()).await?;
    let mut next = pair.group.clone();
    let (old, new) = (pair.group.newest(), next.next_epoch(&mut SystemEntropy)?);
    let begun = Instant::now();
    let rotated = Cell::new((begun, LEAST_GRACE));
    let stream = pair.near.open_uni().await?;
    let receiving = tokio::spawn(receive(pair.far.accept_uni().await?));
    let rotate = || {
        // Time enough for the second half, whatever the size and the machine.
        let grace = (begun.elapsed() * 4).max(LEAST_GRACE);
        rotated.set((Instant::now(), grace));
        pair.listener.rotate(&next, grace)?;
        pair.dialler.rotate(&next, grace)?;
        Ok(())
    };
    stage.sample.send_and_halfway(stream, rotate).await?;
    stage.sample.check(receiving.await??)?;
    let took = begun.elapsed();

    let (at, grace) = rotated.get();
    ensure!(!pair.near.is_closed(), "the grace was cut short");
    for session in [&pair.near, &pair.far] {
        ended_by_the_epoch(session, grace + TIME_TO_DROP).await?;
    }
    ensure!(at.elapsed() >= grace, "the grace was cut short");
    let near = pair.dialler.connect(address(&pair.listener)?).await?;
    let far = pair
        .listener
        .accept()
        .await
        .context("the listener is gone")?;
    ensure!(
        near.epoch() == new && far.epoch() == new,
        "the new session is of epoch {}",
        near.epoch()
    );
    pair.leave().await;
    Ok(Seen {
        what: format!("epoch {old} gone after {grace:.0?}, epoch {new} on"),
        bytes: Some(stage.sample.arrival.len),
        took,
    })
}

async fn ended_by_the_epoch(session: &Session, patience: Duration) -> anyhow::Result<()> {
    let reason = tokio::time::timeout(patience, session.closed()).await;
    let reason = reason.context("a session outlived its epoch")?;
    ensure!(
        matches!(reason, CloseReason::EpochDropped { .. }),
        "ended otherwise: {reason}"
    );
    Ok(())
}

const LEAST_GRACE: Duration = Duration::from_millis(500);
const TIME_TO_DROP: Duration = Duration::from_secs(5);
