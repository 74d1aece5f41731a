//! `stt seed new`, `next` and `check`.

use std::{io, path::Path};

use serde_json::{Value, json};
use stt::{Door, Group, SystemEntropy};

use super::file::SeedFile;
use crate::{
    args::Seed,
    exit::Failure,
    pages::{print, print_json},
    private_file,
    status::Status,
};

pub(crate) fn run(asked: Seed, status: Status) -> Result<(), Failure> {
    match asked {
        Seed::New { out } => new(out.as_deref(), status),
        Seed::Next { file } => next(&file, status),
        Seed::Check { file } => check(&file, status),
    }
}

fn new(out: Option<&Path>, status: Status) -> Result<(), Failure> {
    let group = Group::generate(&mut SystemEntropy);
    let mut text = group
        .to_text()
        .ok_or_else(|| Failure::other("a new group has no text"))?;
    text.push('\n');
    let Some(path) = out else { return print(&text) };
    private_file::create(path, &text).map_err(|error| {
        let message = format!("cannot create {}: {error}", path.display());
        match error.kind() {
            io::ErrorKind::AlreadyExists => Failure::usage(format!(
                "{} exists; a seed is never overwritten",
                path.display()
            )),
            io::ErrorKind::NotFound => Failure::usage(message),
            _ => Failure::other(message),
        }
    })?;
    status.note(format_args!("{} in {}", describe(&group), path.display()));
    Ok(())
}

fn next(path: &Path, status: Status) -> Result<(), Failure> {
    let file = SeedFile::lock(path)?;
    let group = file.with_next_epoch()?;
    status.note(format_args!("{} in {}", describe(&group), path.display()));
    Ok(())
}

fn check(path: &Path, status: Status) -> Result<(), Failure> {
    let group = super::file::read(path)?;
    match status {
        Status::Human => print(&in_words(&group)),
        Status::Json => print_json(&as_document(&group)),
    }
}

fn in_words(group: &Group) -> String {
    let epochs: Vec<_> = group.epochs().map(|epoch| epoch.to_string()).collect();
    let id = group
        .id()
        .map_or_else(|| "none".into(), |id| id.to_string());
    let door = match group.door() {
        Door::Gated => "gated: nobody without the seed gets an answer",
        Door::Open => "open: anyone may guess, slowly, and learns nothing else",
    };
    let epochs = match group.door() {
        Door::Gated => epochs.join(" "),
        Door::Open => "none: a passphrase does not rotate".into(),
    };
    format!("group  {id}\nepochs {epochs}\ndoor   {door}\n")
}

fn as_document(group: &Group) -> Value {
    let (door, epochs) = match group.door() {
        Door::Gated => ("gated", group.epochs().map(|epoch| epoch.0).collect()),
        Door::Open => ("open", Vec::new()),
    };
    json!({"group": group.id().map(|id| id.to_string()), "epochs": epochs, "door": door})
}

fn describe(group: &Group) -> String {
    let id = group.id().map_or_else(String::new, |id| id.to_string());
    format!("group {id}, epoch {}", group.newest())
}
