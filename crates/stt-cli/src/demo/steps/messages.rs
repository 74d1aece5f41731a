//! The file in messages on one stream id: boundaries and order are kept.

use std::time::Instant;

use anyhow::{Context, ensure};

use crate::demo::{Seen, Stage, pair::Pair, sample::Hash};

pub(super) async fn run(stage: &Stage) -> anyhow::Result<Seen> {
    let pair = Pair::start(stage.seed.as_ref()).await?;
    let begun = Instant::now();
    let (sample, near) = (stage.sample.clone(), pair.near.clone());
    let sending = tokio::spawn(async move {
        let (mut pieces, mut lengths) = (sample.pieces().await?, Vec::new());
        while let Some(piece) = pieces.next().await? {
            lengths.push(piece.len());
            near.send_on_stream(STREAM_ID, piece).await?;
        }
        anyhow::Ok(lengths)
    });
    let (mut received, mut lengths) = (Hash::default(), Vec::new());
    let mut messages = pair.listener.receive();
    while received.len() < stage.sample.arrival.len {
        let packet = messages.next().await.context("messages ended early")?;
        ensure!(
            packet.session_id == pair.near.id(),
            "a message of another session"
        );
        ensure!(
            packet.stream_id == STREAM_ID,
            "a message of another stream id"
        );
        received.add(&packet.data);
        lengths.push(packet.data.len());
    }
    stage.sample.check(received.done())?;
    let took = begun.elapsed();
    ensure!(sending.await?? == lengths, "messages were cut or joined");
    pair.end().await?;
    Ok(Seen {
        what: format!("{} messages, whole and in order", lengths.len()),
        bytes: Some(stage.sample.arrival.len),
        took,
    })
}

const STREAM_ID: u64 = 7;
