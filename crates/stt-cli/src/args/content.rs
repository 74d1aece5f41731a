//! What may be asked of content that members share.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueHint};

use super::{Bind, Place, SeedSource, object::ObjectName, seconds};

/// How many copies others shall keep, and on which terms.
#[derive(Debug, Clone, Args)]
pub(crate) struct Terms {
    /// Let them keep it as it is, so that any member that knows its address can read it
    #[arg(long)]
    pub(crate) plain: bool,

    /// How long a copy is kept when nobody renews it; a node that runs renews it
    #[arg(long, value_name = "DAYS", default_value = "7", value_parser = clap::value_parser!(u8).range(1..=30))]
    pub(crate) lease: u8,

    /// Ask the member there first; may be given several times
    #[arg(long, value_name = "ADDR")]
    pub(crate) keeper: Vec<Place>,
}

/// `stt put`.
#[derive(Debug, Args)]
pub(crate) struct Offer {
    /// What to store and let members have [default, and for -: standard input]
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) seed: SeedSource,

    /// Print ADDRESS:ROOT:LENGTH, with which each block can be verified when it comes
    #[arg(long = "ref")]
    pub(crate) reference: bool,

    /// Bind this UDP address and no other, as for `stt listen`; may be given several times
    #[arg(long, value_name = "ADDR")]
    pub(crate) bind: Vec<Bind>,

    /// Announce it in the DHT, joined by the member there; may be given several times
    #[arg(long, value_name = "ADDR")]
    pub(crate) bootstrap: Vec<Place>,

    /// Have so many members that offer room keep a sealed copy, and print what opens it; then it is done
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) replicas: Option<u8>,

    #[command(flatten)]
    pub(crate) terms: Terms,
}

/// `stt replicate`.
#[derive(Debug, Args)]
pub(crate) struct Replicate {
    /// The address of an object in the store of --data-dir, or its reference
    #[arg(value_name = "ADDRESS")]
    pub(crate) object: ObjectName,

    #[command(flatten)]
    pub(crate) seed: SeedSource,

    /// How many members shall keep a copy
    #[arg(long, short = 'n', value_name = "N", default_value = "3", value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) replicas: u8,

    #[command(flatten)]
    pub(crate) terms: Terms,

    /// Have the node that runs let go of it: it serves and renews it no more, and keepers forget it
    #[arg(long, conflicts_with_all = ["replicas", "plain", "lease", "keeper", "bootstrap"])]
    pub(crate) release: bool,

    /// Find members that offer room in the DHT, joined by the member there; may be given several times
    #[arg(long, value_name = "ADDR")]
    pub(crate) bootstrap: Vec<Place>,
}

/// `stt get`.
#[derive(Debug, Args)]
pub(crate) struct Obtain {
    /// The address, ADDRESS:ROOT:LENGTH, or what `stt put --replicas` printed
    #[arg(value_name = "ADDRESS")]
    pub(crate) object: ObjectName,

    #[command(flatten)]
    pub(crate) seed: SeedSource,

    /// Get it from the member there; may be given several times, and then it comes from all at once
    #[arg(long, value_name = "ADDR")]
    pub(crate) from: Vec<Place>,

    /// Find who has it in the DHT, joined by the member there; may be given several times
    #[arg(long, value_name = "ADDR")]
    pub(crate) bootstrap: Vec<Place>,

    /// Write to this file, which appears whole or not at all [default, and for -: standard output]
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,

    /// Give up after this long without an answer of a member
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) timeout: Duration,
}
