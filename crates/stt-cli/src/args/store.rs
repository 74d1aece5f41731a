//! What may be asked of a store.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::{
    examples,
    object::{ByteRange, ObjectName, amount},
};

/// `stt store`.
#[derive(Debug, Args)]
pub(crate) struct Store {
    #[command(flatten)]
    pub(crate) place: StorePlace,

    #[command(subcommand)]
    pub(crate) action: StoreAction,
}

/// Which store, and who opens it.
#[derive(Debug, Args)]
pub(crate) struct StorePlace {
    /// The directory of the store [default: `store` in the data dir]
    #[arg(long = "store", global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) directory: Option<PathBuf>,

    /// Open it with the random seed in this file, a group's or a node's [default: the seed of the
    /// node in the data dir]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) seed_file: Option<PathBuf>,
}

/// What to do with a store.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreAction {
    /// Store a file, or standard input, and print its address once it is durable
    #[command(after_help = examples::PUT)]
    Put(Put),

    /// Write an object to standard output, or to a file
    #[command(after_help = examples::GET)]
    Get(Get),

    /// List the objects: address, bytes, and `pinned` or `-`, with tabs between them
    Ls,

    /// Remove objects, durably
    Rm(Objects),

    /// Pin objects: they are neither evicted nor removed
    Pin(Objects),

    /// Take the pins of objects away
    Unpin(Objects),

    /// Read everything, and name what is damaged
    #[command(after_help = examples::VERIFY)]
    Verify,

    /// Print the numbers of the store
    Stat,

    /// Give the space of what was removed back now, and end a rotate-key that was broken off
    Compact,

    /// Let another seed open the store
    AddSeed(SeedFile),

    /// Let a seed open the store no longer; who had it may have kept the master key, see rotate-key
    RemoveSeed(SeedFile),

    /// Replace the master key, and write everything anew under it
    #[command(after_help = examples::ROTATE_KEY)]
    RotateKey(RotateKey),
}

/// `stt store put`.
#[derive(Debug, Args)]
pub(crate) struct Put {
    /// What to store [default, and for -: standard input]
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,

    /// Print ADDRESS:ROOT:LENGTH, with which each block can be verified alone
    #[arg(long = "ref")]
    pub(crate) reference: bool,

    /// Keep the store's records within this; what was used longest ago is evicted, but no pins. It
    /// holds for this command alone
    #[arg(long, value_name = "BYTES", value_parser = amount)]
    pub(crate) quota: Option<u64>,
}

/// `stt store get`.
#[derive(Debug, Args)]
pub(crate) struct Get {
    /// The address, or ADDRESS:ROOT:LENGTH
    #[arg(value_name = "ADDRESS")]
    pub(crate) object: ObjectName,

    /// Write to this file, which appears whole or not at all [default, and for -: standard output]
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,

    /// Only the bytes from START on and before END, counted from 0; either may be left out
    #[arg(long, value_name = "START..END")]
    pub(crate) range: Option<ByteRange>,
}

/// Objects that something is done to, one after the other.
#[derive(Debug, Args)]
pub(crate) struct Objects {
    /// Addresses, or ADDRESS:ROOT:LENGTH; the first that fails ends it
    #[arg(value_name = "ADDRESS", required = true)]
    pub(crate) objects: Vec<ObjectName>,
}

/// A seed that something is done to.
#[derive(Debug, Args)]
pub(crate) struct SeedFile {
    /// The file of a group's random seed, or `node.seed` of a data dir
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
}

/// `stt store rotate-key`.
#[derive(Debug, Args)]
pub(crate) struct RotateKey {
    /// Another seed that opens the store afterwards; may be given several times
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) with: Vec<PathBuf>,

    /// Let the seeds go that are not named
    #[arg(long)]
    pub(crate) drop_others: bool,
}
