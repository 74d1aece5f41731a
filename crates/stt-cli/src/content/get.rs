//! `stt get`: an object of the group, from all members that have it.

use std::{
    future::Future,
    path::{Path, PathBuf},
    time::Duration,
};

use stt::{Accepting, Fetch, Limits, Node, NodeSeed, Wanted, storage::Reference};

use super::{room::Room, shown::Shown, with_dht};
use crate::{
    args::{ObjectName, Obtain},
    exit::{Exit, Failure},
    member::Member,
    signals::Signals,
    status::Status,
    store::output::{Output, refuse_inside},
};

pub(crate) fn get(
    asked: Obtain,
    data_dir: Option<PathBuf>,
    status: Status,
) -> impl Future<Output = Result<(), Failure>> {
    let member = Member::find(&asked.seed, data_dir.as_deref(), status);
    async move { run(asked, member?, data_dir.as_deref(), status).await }
}

async fn run(
    asked: Obtain,
    member: Member,
    data_dir: Option<&Path>,
    status: Status,
) -> Result<(), Failure> {
    let mut signals = Signals::watch()?;
    let seed = NodeSeed::from_bytes(*member.seed.as_bytes());
    let output = asked.output.as_deref();
    let room = Room::open(data_dir, output, &seed, &member.group).await?;
    if let Some(path) = output {
        refuse_inside(&room.directory, path)?;
    }
    // What cannot be written is known before anything is fetched.
    let output = Output::open(output)?;
    let mut limits = Limits::default();
    limits.handshake_timeout = asked.timeout;
    let builder = member.builder(&[]).await?.limits(limits);
    let builder = builder
        .accepting(Accepting::Nobody)
        .storage(room.storage.clone());
    let node = with_dht(builder, &asked.bootstrap).start().await?;
    let fetched = tokio::select! {
        fetched = fetch(&node, &asked, status) => fetched,
        () = signals.next() => Err(Failure::broken_off("interrupted")),
    };
    node.shutdown(LEAVE_WITHIN).await;
    match fetched {
        Ok(reference) => {
            write(&room, reference, output).await?;
            room.done().await;
            Ok(())
        }
        Err(failure) => {
            if room.lasts() {
                let place = room.directory.display();
                status.note(format_args!(
                    "what came is kept in {place}; the same command goes on with it"
                ));
            }
            let _ = room.storage.close().await;
            Err(failure)
        }
    }
}

async fn fetch(node: &Node, asked: &Obtain, status: Status) -> Result<Reference, Failure> {
    let wanted: Wanted = match asked.object {
        ObjectName::Address(address) => address.into(),
        ObjectName::Reference(reference) => reference.into(),
    };
    let mut fetch = begin(node, asked, wanted).await?;
    let mut shown = Shown::new(status);
    while let Some(progress) = fetch.next_progress().await {
        shown.draw(&progress);
    }
    shown.end(&fetch.progress());
    Ok(fetch.finished().await?)
}

async fn begin(node: &Node, asked: &Obtain, wanted: Wanted) -> Result<Fetch, Failure> {
    if asked.from.is_empty() {
        if let Some(dht) = node.dht() {
            let members = asked.bootstrap.iter().map(crate::args::Place::target);
            let joined = dht.bootstrap(members).await;
            joined.map_err(|error| Failure::new(Exit::NoAnswer, error.to_string()))?;
        }
        return Ok(node.fetch(wanted)?);
    }
    let targets = asked.from.iter().map(crate::args::Place::target);
    Ok(node.fetch_from(wanted, targets)?)
}

async fn write(room: &Room, reference: Reference, mut output: Output) -> Result<(), Failure> {
    let mut reader = room.storage.open_reader(reference).await?;
    while let Some(piece) = reader.next_piece().await? {
        let (back, written) = tokio::task::spawn_blocking(move || {
            let written = output.write(&piece);
            (output, written)
        })
        .await
        .map_err(|broken| Failure::other(format!("cannot go on: {broken}")))?;
        output = back;
        if written?.is_closed() {
            return Ok(());
        }
    }
    output.finish()
}

/// The last packets have so long to leave.
pub(super) const LEAVE_WITHIN: Duration = Duration::from_secs(1);
