//! What may be asked of content that members share.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueHint};

use super::{Bind, Place, SeedSource, object::ObjectName, seconds};

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
}

/// `stt get`.
#[derive(Debug, Args)]
pub(crate) struct Obtain {
    /// The address, or ADDRESS:ROOT:LENGTH
    #[arg(value_name = "ADDRESS")]
    pub(crate) object: ObjectName,

    #[command(flatten)]
    pub(crate) seed: SeedSource,

    /// Get it from the member there; may be given several times, and then it comes from all at once
    #[arg(long, value_name = "ADDR", required_unless_present = "bootstrap")]
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
