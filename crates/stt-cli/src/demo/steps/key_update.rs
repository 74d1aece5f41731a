//! The traffic keys change while the file is on its way.
//!
//! The engine changes them itself early in a session, and takes no further wish until the peer has
//! confirmed that. So the wish is repeated, and the transfer too if it was over sooner.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use anyhow::ensure;
use stt::KeyUpdate;

use crate::demo::{
    Seen, Stage,
    pair::Pair,
    sample::{Arrival, receive},
};

pub(super) async fn run(stage: &Stage) -> anyhow::Result<Seen> {
    let pair = Pair::start(stage.seed.as_ref()).await?;
    let (mut bytes, mut took) = (0, Duration::ZERO);
    let wished = Instant::now();
    loop {
        let begun = Instant::now();
        let (came, changed) = transfer(stage, &pair).await?;
        took += begun.elapsed();
        stage.sample.check(came)?;
        bytes += came.len;
        if changed {
            break;
        }
        ensure!(wished.elapsed() < CHANGED_WITHIN, "the keys stayed");
        tokio::time::sleep(WISH_EVERY).await;
    }
    let updates = pair.near.stats().key_updates;
    ensure!(updates >= 1, "the keys stayed");
    pair.end().await?;
    Ok(Seen {
        what: format!("SHA3-256 equal, keys changed: {updates}"),
        bytes: Some(bytes),
        took,
    })
}

/// What came, and whether the keys changed on the way.
async fn transfer(stage: &Stage, pair: &Pair) -> anyhow::Result<(Arrival, bool)> {
    let stream = pair.near.open_uni().await?;
    let receiving = tokio::spawn(receive(pair.far.accept_uni().await?));
    // Wishes begin when half is written.
    let (wishing, changed) = (Cell::new(false), Cell::new(false));
    let wish = || {
        if !changed.get() {
            changed.set(pair.near.update_keys() == KeyUpdate::Begun);
        }
    };
    let halfway = || {
        wishing.set(true);
        wish();
        Ok(())
    };
    let whole = async {
        stage.sample.send_and_halfway(stream, halfway).await?;
        receiving.await?
    };
    tokio::pin!(whole);
    let came = loop {
        tokio::select! {
            came = &mut whole => break came?,
            () = tokio::time::sleep(WISH_EVERY), if !changed.get() => {
                if wishing.get() {
                    wish();
                }
            }
        }
    };
    Ok((came, changed.get()))
}

const WISH_EVERY: Duration = Duration::from_millis(3);

/// Many times what the peer needs to confirm an earlier change.
const CHANGED_WITHIN: Duration = Duration::from_secs(10);
