//! The steps of the demo, in the order in which they run.

mod broadcast;
mod find;
mod frames;
mod gated_door;
mod key_update;
mod messages;
mod open_door;
mod rotation;
mod streams;

use std::{future::Future, pin::Pin};

use super::{Seen, Stage};

type Outcome<'a> = Pin<Box<dyn Future<Output = anyhow::Result<Seen>> + 'a>>;

type Step = fn(&Stage) -> Outcome<'_>;

/// What a step is called, and how it runs.
pub(super) const ALL: [(&str, Step); 9] = [
    ("meeting by a shared seed", |stage| {
        Box::pin(find::run(stage))
    }),
    ("stream, both ways at once", |stage| {
        Box::pin(streams::run(stage))
    }),
    ("messages", |stage| Box::pin(messages::run(stage))),
    ("frames of one's own", |_| Box::pin(frames::run())),
    ("broadcast to five", |_| Box::pin(broadcast::run())),
    ("stranger at a gated door", |_| Box::pin(gated_door::run())),
    ("stranger at an open door", |_| Box::pin(open_door::run())),
    ("new keys in mid-transfer", |stage| {
        Box::pin(key_update::run(stage))
    }),
    ("new epoch in mid-transfer", |stage| {
        Box::pin(rotation::run(stage))
    }),
];
