//! How many copies others shall keep, and on which terms: as asked, and as a node that runs is told.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use stt::{Provider, ReplicateOptions, Sealing};

use crate::{
    args::{Place, Terms},
    exit::Failure,
};

/// The same for a command, for a conversation and for the next run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CopyTerms {
    pub(crate) copies: u8,
    /// Made unreadable for those who keep it.
    pub(crate) sealed: bool,
    pub(crate) lease_days: u8,
    /// Whom to ask first.
    pub(crate) keepers: Vec<String>,
}

impl CopyTerms {
    pub(crate) fn new(copies: u8, asked: &Terms) -> Self {
        Self {
            copies,
            sealed: !asked.plain,
            lease_days: asked.lease,
            keepers: asked.keeper.iter().map(ToString::to_string).collect(),
        }
    }

    /// As the library wants them.
    pub(crate) fn options(&self) -> Result<ReplicateOptions, Failure> {
        let mut options = ReplicateOptions::copies(self.copies.into());
        options.sealing = if self.sealed {
            Sealing::Sealed
        } else {
            Sealing::AsItIs
        };
        options.lease = Duration::from_secs(u64::from(self.lease_days) * 86_400);
        for keeper in &self.keepers {
            let place: Place = keeper.parse().map_err(Failure::usage)?;
            options.keepers.push(Provider::Target(place.target()));
        }
        Ok(options)
    }
}
