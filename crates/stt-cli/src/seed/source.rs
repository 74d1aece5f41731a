//! Where a node's seed comes from: a private file, or the environment.

use std::env;

use stt::Group;
use zeroize::Zeroizing;

use super::file;
use crate::{args::SeedSource, exit::Failure};

/// The group that a command asks for. A passphrase takes 0.2 s: call it before nodes run.
pub(crate) fn group(source: &SeedSource) -> Result<Group, Failure> {
    if let Some(path) = &source.seed_file {
        return file::read(path);
    }
    match env::var(VARIABLE) {
        Ok(text) => file::parse(&Zeroizing::new(text), VARIABLE),
        Err(env::VarError::NotUnicode(_)) => Err(Failure::usage(format!("{VARIABLE} is no text"))),
        Err(env::VarError::NotPresent) => Err(Failure::usage(
            "a seed is needed: --seed-file FILE or STT_SEED; `stt seed new` makes one",
        )),
    }
}

/// Whether there is one to be read.
pub(crate) fn is_given(source: &SeedSource) -> bool {
    source.seed_file.is_some() || env::var_os(VARIABLE).is_some_and(|text| !text.is_empty())
}

const VARIABLE: &str = "STT_SEED";
