//! `stt put`: stores an object, lets members have it or others keep it, and stays as long as that takes.
//!
//! Where a node runs with the data dir, that one takes the object, and this is done.

use std::{
    future::Future,
    io::IsTerminal,
    path::{Path, PathBuf},
    pin::Pin,
};

use serde_json::json;
use stt::{
    NodeSeed,
    storage::{Address, Reference},
};
use tokio::io::AsyncRead;

use super::{CopyTerms, Household, Shelf, by_node, room::Room, with_dht};
use crate::{
    args::Offer,
    control::{self, Answer},
    exit::Failure,
    member::Member,
    pages,
    signals::Signals,
    status::Status,
    teller::Teller,
};

pub(crate) fn put(
    asked: Offer,
    data_dir: Option<PathBuf>,
    status: Status,
) -> impl Future<Output = Result<(), Failure>> {
    let is_own = !asked.bind.is_empty() || !asked.bootstrap.is_empty();
    let running = data_dir
        .clone()
        .filter(|dir| !is_own && control::is_there(dir));
    // A passphrase takes its time, and the node that runs has it.
    let member =
        (running.is_none()).then(|| Member::find(&asked.seed, data_dir.as_deref(), status));
    async move {
        let terms = asked
            .replicas
            .map(|count| CopyTerms::new(count, &asked.terms));
        match (running, member) {
            (Some(running), _) => by_the_node(&asked, &running, terms, status).await,
            (None, Some(member)) => run(asked, member?, data_dir.as_deref(), terms, status).await,
            (None, None) => Ok(()),
        }
    }
}

async fn by_the_node(
    asked: &Offer,
    data_dir: &Path,
    terms: Option<CopyTerms>,
    status: Status,
) -> Result<(), Failure> {
    let (source, name) = source(asked.file.as_deref()).await?;
    let mut conversation = control::reach(data_dir).await?;
    let told = Told::new(asked.reference, status);
    by_node::put(&mut conversation, (source, &name), terms, &told).await
}

async fn run(
    asked: Offer,
    member: Member,
    data_dir: Option<&Path>,
    terms: Option<CopyTerms>,
    status: Status,
) -> Result<(), Failure> {
    if terms.is_some() && asked.bootstrap.is_empty() && asked.terms.keeper.is_empty() {
        let why = "who shall keep the copies? --bootstrap ADDR finds members that offer room, --keeper ADDR names one";
        return Err(Failure::usage(why));
    }
    let mut signals = Signals::watch()?;
    let (source, name) = source(asked.file.as_deref()).await?;
    let seed = NodeSeed::from_bytes(*member.seed.as_bytes());
    let room = Room::open(data_dir, None, &seed, &member.group).await?;
    let builder = member.builder(&asked.bind).await?;
    let builder = builder.storage(room.storage.clone());
    let node = with_dht(builder, &asked.bootstrap).start().await?;
    let household = Household::new(node.clone(), room.storage.clone(), Shelf::default());
    let told = Told::new(asked.reference, status);
    let mut show = |answer| told.show(answer);
    let mut teller = Teller::Page(&mut show);
    let doing = async {
        let stored = household.store(source, &name).await?;
        for address in node.local_addresses() {
            status.listening(address, node.id());
        }
        let Some(terms) = &terms else {
            return household.publish(stored, &mut teller).await;
        };
        super::join(&node, &asked.bootstrap).await?;
        household
            .replicate(stored.address, terms, &mut teller)
            .await
    };
    let done = tokio::select! {
        done = doing => done,
        () = signals.next() => Err(Failure::broken_off("interrupted")),
    };
    match &terms {
        Some(terms) => say_how_long(terms, done.is_ok(), status),
        None if done.is_ok() => {
            if status == Status::Human && std::io::stderr().is_terminal() {
                status.note("members can get it until this is interrupted");
            }
            signals.next().await;
        }
        None => {}
    }
    node.shutdown(super::get::LEAVE_WITHIN).await;
    room.done().await;
    done
}

/// Nobody renews the copies once this process has ended.
pub(super) fn say_how_long(terms: &CopyTerms, is_kept: bool, status: Status) {
    if is_kept && status == Status::Human {
        let days = terms.lease_days;
        status.note(format_args!(
            "the copies are kept for up to {days} days; a node that runs (stt node) renews its own"
        ));
    }
}

type Source = Pin<Box<dyn AsyncRead + Send>>;

/// What is to be stored, and what it is called.
async fn source(file: Option<&Path>) -> Result<(Source, String), Failure> {
    let path = file.filter(|path| *path != Path::new("-"));
    let Some(path) = path else {
        return Ok((Box::pin(tokio::io::stdin()), "standard input".into()));
    };
    let name = path.display().to_string();
    let opened = tokio::fs::File::open(path).await;
    let file = opened.map_err(|error| Failure::usage(format!("cannot read {name}: {error}")))?;
    Ok((Box::pin(file), name))
}

/// What came of an object, shown as it is told.
pub(super) struct Told {
    /// Whether a reference is wanted, and not the address alone.
    whole: bool,
    status: Status,
}

impl Told {
    pub(super) fn new(whole: bool, status: Status) -> Self {
        Self { whole, status }
    }

    pub(super) fn show(&self, answer: Answer) -> Result<(), Failure> {
        match answer {
            Answer::Stored { object, sealed } => self.stored(&object, sealed.as_deref()),
            Answer::Copies { kept, wanted } => {
                self.status.say(
                    format_args!("{kept} of {wanted} copies are kept"),
                    || json!({"event": "copies", "kept": kept, "wanted": wanted}),
                );
                Ok(())
            }
            Answer::Note { text } => {
                self.status.note(text);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn stored(&self, object: &str, sealed: Option<&str>) -> Result<(), Failure> {
        let reference: Reference = object
            .parse()
            .map_err(|error| Failure::other(format!("the node told of no object: {error}")))?;
        match self.status {
            Status::Human => {
                let address = reference.address.to_string();
                let plain = if self.whole { object } else { &address };
                pages::print(&format!("{}\n", sealed.unwrap_or(plain)))
            }
            Status::Json => pages::print_json(&json!({
                "address": reference.address.to_string(),
                "root": Address::from_bytes(reference.root).to_string(),
                "length": reference.length,
                "sealed": sealed,
            })),
        }
    }
}
