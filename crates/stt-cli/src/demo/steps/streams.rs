//! The file over one two-way byte stream, in both directions at once.

use std::time::Instant;

use anyhow::{Context, ensure};
use tokio::task::JoinHandle;

use crate::demo::{
    Seen, Stage,
    pair::Pair,
    sample::{Arrival, Sample, receive},
};

pub(super) async fn run(stage: &Stage) -> anyhow::Result<Seen> {
    let pair = Pair::start(stage.seed.as_ref()).await?;
    let begun = Instant::now();
    let near = pair.near.open_stream().await?;
    let far = pair.far.accept_stream().await?;
    let sending = [send(&stage.sample, near.0), send(&stage.sample, far.0)];
    let receiving = [tokio::spawn(receive(near.1)), tokio::spawn(receive(far.1))];
    for sent in sending {
        sent.await??;
    }
    for came in receiving {
        let came: Arrival = came.await??;
        stage.sample.check(came)?;
    }
    let took = begun.elapsed();
    let stats = pair.near.stats();
    ensure!(
        stats.bytes_sent > stage.sample.arrival.len
            && stats.bytes_received > stage.sample.arrival.len,
        "fewer bytes on the wire than in the file"
    );
    pair.end().await.context("after the transfer")?;
    Ok(Seen {
        what: "SHA3-256 equal, ended in order".into(),
        bytes: Some(2 * stage.sample.arrival.len),
        took,
    })
}

fn send(sample: &Sample, stream: stt::SendStream) -> JoinHandle<anyhow::Result<()>> {
    let sample = sample.clone();
    tokio::spawn(async move { sample.send(stream).await })
}
