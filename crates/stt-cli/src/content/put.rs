//! `stt put`: stores an object, lets members have it, and stays.

use std::{
    future::Future,
    io::IsTerminal,
    path::{Path, PathBuf},
};

use serde_json::json;
use stt::{
    BinaryStorage, Node, NodeSeed,
    storage::{Address, Reference, StoreError},
};

use super::{room::Room, with_dht};
use crate::{args::Offer, exit::Failure, member::Member, pages, signals::Signals, status::Status};

pub(crate) fn put(
    asked: Offer,
    data_dir: Option<PathBuf>,
    status: Status,
) -> impl Future<Output = Result<(), Failure>> {
    let member = Member::find(&asked.seed, data_dir.as_deref(), status);
    async move { run(asked, member?, data_dir.as_deref(), status).await }
}

async fn run(
    asked: Offer,
    member: Member,
    data_dir: Option<&Path>,
    status: Status,
) -> Result<(), Failure> {
    let mut signals = Signals::watch()?;
    let seed = NodeSeed::from_bytes(*member.seed.as_bytes());
    let room = Room::open(data_dir, None, &seed, &member.group).await?;
    let stored = tokio::select! {
        stored = store(&room.storage, asked.file.as_deref()) => stored?,
        () = signals.next() => return Err(Failure::broken_off("interrupted")),
    };
    let builder = member
        .builder(&asked.bind)
        .await?
        .storage(room.storage.clone());
    let node = with_dht(builder, &asked.bootstrap).start().await?;
    for address in node.local_addresses() {
        status.listening(address, node.id());
    }
    publish(&node, stored, status).await?;
    answer(&stored, asked.reference, status)?;
    if status == Status::Human && std::io::stderr().is_terminal() {
        status.note("members can get it until this is interrupted");
    }
    signals.next().await;
    node.shutdown(super::get::LEAVE_WITHIN).await;
    room.done().await;
    Ok(())
}

async fn store(storage: &BinaryStorage, file: Option<&Path>) -> Result<Reference, Failure> {
    let path = file.filter(|path| *path != Path::new("-"));
    let Some(path) = path else {
        return store_reader(storage, tokio::io::stdin(), "standard input").await;
    };
    let name = path.display().to_string();
    let opened = tokio::fs::File::open(path).await;
    let file = opened.map_err(|error| Failure::usage(format!("cannot read {name}: {error}")))?;
    store_reader(storage, file, &name).await
}

async fn store_reader(
    storage: &BinaryStorage,
    reader: impl tokio::io::AsyncRead,
    name: &str,
) -> Result<Reference, Failure> {
    let stored = storage.store_reader(reader).await;
    stored.map_err(|error| match error {
        StoreError::Source(why) => Failure::usage(format!("cannot read {name}: {why}")),
        other => other.into(),
    })
}

async fn publish(node: &Node, stored: Reference, status: Status) -> Result<(), Failure> {
    let published = node.publish(stored).await;
    published.map_err(|error| Failure::other(error.to_string()))?;
    if let Some(dht) = node.dht() {
        // Others find it once this is done; it is tried again if it is not.
        if let Err(error) = dht.announce(stored.address).await {
            status.note(format_args!("not announced yet: {error}"));
        }
    }
    Ok(())
}

fn answer(stored: &Reference, whole: bool, status: Status) -> Result<(), Failure> {
    match status {
        Status::Human if whole => pages::print(&format!("{stored}\n")),
        Status::Human => pages::print(&format!("{}\n", stored.address)),
        Status::Json => pages::print_json(&json!({
            "address": stored.address.to_string(),
            "root": Address::from_bytes(stored.root).to_string(),
            "length": stored.length,
        })),
    }
}
