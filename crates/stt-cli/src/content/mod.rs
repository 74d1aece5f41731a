//! `stt put` and `stt get`: objects for the members of a group, from whoever has them.
//!
//! ```text
//! put   store, publish, stay until interrupted
//! get   fetch from all who have it, then write it out
//! room  where the blocks are kept meanwhile
//! shown how far it is, for each provider
//! ```
//!
//! *Invariant*: what came and was verified is taken up by the next `stt get` of the same object, where there is a
//! place that outlives this one: a data dir, or beside the file that is written.

mod get;
mod put;
mod room;
mod shown;

pub(crate) use get::get;
pub(crate) use put::put;

use stt::{NodeBuilder, dht::DhtOptions};

use crate::args::Place;

/// A member of the DHT, if there is anybody to join it by.
fn with_dht(builder: NodeBuilder, bootstrap: &[Place]) -> NodeBuilder {
    if bootstrap.is_empty() {
        return builder;
    }
    let join = |options: DhtOptions, place: &Place| options.bootstrap(place.target());
    builder.dht(bootstrap.iter().fold(DhtOptions::new(), join))
}
