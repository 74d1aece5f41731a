//! Links that are slow, narrow and lossy: one forwarder of ours between two interfaces.

mod forwarder;
mod frame;
mod pipe;
mod profile;

pub(crate) use forwarder::Forwarder;
pub use pipe::Counts;
pub use profile::{Link, Loss};
