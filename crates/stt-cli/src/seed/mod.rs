//! The seed of a group: made, extended, checked, and found when a node needs it.

mod commands;
mod file;
mod source;

pub(crate) use commands::run;
pub(crate) use file::parse;
pub(crate) use source::{group, is_given};
