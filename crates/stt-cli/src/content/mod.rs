//! `stt put`, `stt get` and `stt replicate`: objects for the members of a group, from whoever has them.
//!
//! ```text
//! put        store, publish, stay until interrupted or others keep copies
//! get        fetch from all who have it, then write it out
//! copies     have others keep what is in the store
//! by_node    the same three, done by the node that runs with the data dir
//! answers    what that node does then
//! household  what a node gives and has others keep; shelf: and still does after a restart
//! terms      how many copies, and how
//! room       where blocks are kept while a command runs
//! shown      how far a fetch is, for each provider
//! ```
//!
//! *Invariant*: what came and was verified is taken up by the next `stt get` of the same object, where there is a
//! place that outlives this one: a data dir, or beside the file that is written.

mod answers;
mod by_node;
mod copies;
mod get;
mod household;
mod put;
mod room;
mod shelf;
mod shown;
mod terms;

pub(crate) use answers::{get as answer_get, put as answer_put};
pub(crate) use copies::replicate;
pub(crate) use get::get;
pub(crate) use household::Household;
pub(crate) use put::put;
pub(crate) use shelf::Shelf;
pub(crate) use shown::Progress;
pub(crate) use terms::CopyTerms;

use stt::{Node, NodeBuilder, dht::DhtOptions};

use crate::{args::Place, exit::Failure};

/// Waits until a node has joined by these members, if there are any.
async fn join(node: &Node, bootstrap: &[Place]) -> Result<(), Failure> {
    let Some(dht) = node.dht() else {
        return Ok(());
    };
    dht.bootstrap(bootstrap.iter().map(Place::target)).await?;
    Ok(())
}

/// A member of the DHT, if there is anybody to join it by.
fn with_dht(builder: NodeBuilder, bootstrap: &[Place]) -> NodeBuilder {
    if bootstrap.is_empty() {
        return builder;
    }
    let join = |options: DhtOptions, place: &Place| options.bootstrap(place.target());
    builder.dht(bootstrap.iter().fold(DhtOptions::new(), join))
}
