//! A node with a passphrase tells a guesser that the guess is wrong, and lets a member in.

use std::time::Instant;

use anyhow::{Context, bail, ensure};
use data_encoding::HEXLOWER;
use stt::{ConnectError, Entropy, Group, SystemEntropy};

use crate::demo::{
    Seen,
    pair::{LEAVE_WITHIN, address, node},
};

pub(super) async fn run() -> anyhow::Result<Seen> {
    // Stretching takes its time on purpose, so both at once.
    let (ours, theirs) = tokio::try_join!(
        tokio::task::spawn_blocking(random_passphrase),
        tokio::task::spawn_blocking(random_passphrase),
    )?;
    let (ours, theirs) = (ours?, theirs?);
    let guarded = node(&ours).await?;
    let (stranger, member) = (node(&theirs).await?, node(&ours).await?);
    let at = address(&guarded)?;

    let begun = Instant::now();
    match stranger.connect(at).await {
        Err(ConnectError::AuthenticationRefused) => {}
        Err(error) => bail!("refused otherwise: {error}"),
        Ok(_) => bail!("a wrong passphrase came in"),
    }
    let took = begun.elapsed();
    let near = member.connect(at).await?;
    let far = guarded.accept().await.context("the guarded node is gone")?;
    ensure!(
        far.peer() == member.id() && near.id() == far.id(),
        "somebody else came in"
    );
    ensure!(
        guarded.stats().sessions_begun == 1,
        "the stranger has a session"
    );
    for node in [stranger, member, guarded] {
        node.shutdown(LEAVE_WITHIN).await;
    }
    Ok(Seen {
        what: "wrong words refused, right ones served".into(),
        bytes: None,
        took,
    })
}

fn random_passphrase() -> anyhow::Result<Group> {
    let mut words = [0; 16];
    SystemEntropy.fill(&mut words);
    Ok(Group::from_passphrase(
        "stt demo",
        &HEXLOWER.encode(&words),
    )?)
}
