//! `stt replicate`: others keep copies of what is in the store of the data dir.

use std::path::{Path, PathBuf};

use stt::NodeSeed;

use super::{CopyTerms, Household, Shelf, by_node, put::Told, room::Room, with_dht};
use crate::{
    args::Replicate,
    control::{self, Request},
    exit::Failure,
    member::Member,
    signals::Signals,
    status::Status,
    teller::Teller,
};

pub(crate) fn replicate(
    asked: Replicate,
    data_dir: Option<PathBuf>,
    status: Status,
) -> impl Future<Output = Result<(), Failure>> {
    let is_own = !asked.bootstrap.is_empty() || !asked.terms.keeper.is_empty();
    let member = is_own.then(|| Member::find(&asked.seed, data_dir.as_deref(), status));
    async move {
        let Some(data_dir) = data_dir else {
            let why = "replicate what? --data-dir DIR has the object, or a node that has it";
            return Err(Failure::usage(why));
        };
        let terms = CopyTerms::new(asked.replicas, &asked.terms);
        let address = asked.object.address();
        let told = Told::new(true, status);
        if asked.release {
            let object = address.to_string();
            return by_node::ask(&data_dir, &Request::Release { object }, &told).await;
        }
        if control::is_there(&data_dir) || member.is_none() {
            let object = address.to_string();
            let request = Request::Replicate { object, terms };
            return by_node::ask(&data_dir, &request, &told).await;
        }
        match member {
            Some(member) => alone(&asked, (member?, &data_dir), &terms, status).await,
            None => Ok(()),
        }
    }
}

/// By a node of this process, until the copies are kept.
async fn alone(
    asked: &Replicate,
    (member, data_dir): (Member, &Path),
    terms: &CopyTerms,
    status: Status,
) -> Result<(), Failure> {
    let mut signals = Signals::watch()?;
    let seed = NodeSeed::from_bytes(*member.seed.as_bytes());
    let room = Room::open(Some(data_dir), None, &seed, &member.group).await?;
    let builder = member.builder(&[]).await?.storage(room.storage.clone());
    let node = with_dht(builder, &asked.bootstrap).start().await?;
    super::join(&node, &asked.bootstrap).await?;
    let household = Household::new(node.clone(), room.storage.clone(), Shelf::default());
    let told = Told::new(true, status);
    let mut show = |answer| told.show(answer);
    let mut teller = Teller::Page(&mut show);
    let placed = tokio::select! {
        placed = household.replicate(asked.object.address(), terms, &mut teller) => placed,
        () = signals.next() => Err(Failure::broken_off("interrupted")),
    };
    super::put::say_how_long(terms, placed.is_ok(), status);
    node.shutdown(super::get::LEAVE_WITHIN).await;
    room.done().await;
    placed
}
