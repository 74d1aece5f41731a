//! The traffic keys change while the file is on its way.

use std::time::Instant;

use anyhow::ensure;

use crate::demo::{Seen, Stage, pair::Pair, sample::receive};

pub(super) async fn run(stage: &Stage) -> anyhow::Result<Seen> {
    let pair = Pair::start(stage.seed.as_ref()).await?;
    let begun = Instant::now();
    let stream = pair.near.open_uni().await?;
    let receiving = tokio::spawn(receive(pair.far.accept_uni().await?));
    let halfway = || {
        pair.near.update_keys();
        Ok(())
    };
    stage.sample.send_and_halfway(stream, halfway).await?;
    stage.sample.check(receiving.await??)?;
    let took = begun.elapsed();
    let updates = pair.near.stats().key_updates;
    ensure!(updates >= 1, "the keys stayed");
    pair.end().await?;
    Ok(Seen {
        what: format!("SHA3-256 equal, keys changed: {updates}"),
        bytes: Some(stage.sample.arrival.len),
        took,
    })
}
