//! Two nodes that share nothing but a seed have a session, and both know whose.

use std::time::Instant;

use anyhow::{Context, ensure};

use crate::demo::{
    Seen, Stage,
    pair::{Pair, address, new_group, node, node_of},
};

pub(super) async fn run(stage: &Stage) -> anyhow::Result<Seen> {
    let group = new_group();
    let listener = node_of(&group, stage.seed.as_ref()).await?;
    let dialler = node(&group).await?;
    let at = address(&listener)?;
    let begun = Instant::now();
    let near = dialler.connect(at).await?;
    let took = begun.elapsed();
    let far = listener.accept().await.context("the listener is gone")?;
    ensure!(near.id() == far.id(), "two ids of one session");
    ensure!(
        near.peer() == listener.id(),
        "the listener is somebody else"
    );
    ensure!(far.peer() == dialler.id(), "the dialler is somebody else");
    let mut exported = [[0; 32]; 2];
    near.export(b"stt demo", b"", &mut exported[0])?;
    far.export(b"stt demo", b"", &mut exported[1])?;
    ensure!(
        exported[0] == exported[1],
        "the two sides have different keys"
    );
    let what = format!("session {} on both sides", near.id());
    let pair = Pair {
        group,
        dialler,
        listener,
        near,
        far,
    };
    pair.end().await?;
    Ok(Seen {
        what,
        bytes: None,
        took,
    })
}
