//! `stt get`: an object of the group, from all members that have it.

use std::{
    future::Future,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use stt::{Accepting, Fetch, Limits, Node, NodeSeed, Wanted, storage::Reference};

use super::{by_node, household::wanted, room::Room, shown::Shown, with_dht};
use crate::{
    args::{ObjectName, Obtain},
    control,
    exit::Failure,
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
    let is_own = !asked.from.is_empty() || !asked.bootstrap.is_empty();
    let member = is_own.then(|| Member::find(&asked.seed, data_dir.as_deref(), status));
    async move {
        match (member, data_dir) {
            (Some(member), data_dir) => run(asked, member?, data_dir.as_deref(), status).await,
            (None, Some(data_dir)) => {
                let mut conversation = control::reach(&data_dir).await?;
                by_node::get(&mut conversation, &asked, &asked.object, status).await
            }
            (None, None) => Err(Failure::usage(
                "from whom? --from ADDR, --bootstrap ADDR to find out, or --data-dir DIR of a node that runs",
            )),
        }
    }
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
            write(&room, (reference, &asked.object), output).await?;
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
    let mut fetch = begin(node, asked, wanted(&asked.object)).await?;
    let mut shown = Shown::new(status);
    while let Some(progress) = fetch.next_progress().await {
        shown.draw(&(&progress).into());
    }
    shown.draw(&(&fetch.progress()).into());
    shown.end();
    Ok(fetch.finished().await?)
}

async fn begin(node: &Node, asked: &Obtain, wanted: Wanted) -> Result<Fetch, Failure> {
    if asked.from.is_empty() {
        super::join(node, &asked.bootstrap).await?;
        return Ok(node.fetch(wanted)?);
    }
    let targets = asked.from.iter().map(crate::args::Place::target);
    Ok(node.fetch_from(wanted, targets)?)
}

async fn write(
    room: &Room,
    (reference, object): (Reference, &ObjectName),
    mut output: Output,
) -> Result<(), Failure> {
    if let ObjectName::Sealed(sealed) = object {
        let mut reader = room.storage.open_sealed(sealed).await?;
        while let Some(piece) = reader.next_piece().await.map_err(Failure::unsealed)? {
            let Some(back) = put_out(output, piece).await? else {
                return Ok(());
            };
            output = back;
        }
        return output.finish();
    }
    let mut reader = room.storage.open_reader(reference).await?;
    while let Some(piece) = reader.next_piece().await? {
        let Some(back) = put_out(output, piece).await? else {
            return Ok(());
        };
        output = back;
    }
    output.finish()
}

/// Writes on a thread that may wait; nothing comes back once nobody reads.
async fn put_out(mut output: Output, piece: Bytes) -> Result<Option<Output>, Failure> {
    let (back, written) = tokio::task::spawn_blocking(move || {
        let written = output.write(&piece);
        (output, written)
    })
    .await
    .map_err(|broken| Failure::other(format!("cannot go on: {broken}")))?;
    Ok((!written?.is_closed()).then_some(back))
}

/// The last packets have so long to leave.
pub(super) const LEAVE_WITHIN: Duration = Duration::from_secs(1);
