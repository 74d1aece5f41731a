//! What errors of content that members share come to.

use stt::{FetchError, PlaceError, PublishError, ReplicateError};

use super::{Exit, Failure};

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        let exit = match &error {
            FetchError::NoProviders { absent, blamed, .. } if absent + blamed > 0 => Exit::NotFound,
            FetchError::NoProviders { lost, .. } if *lost > 0 => Exit::BrokenOff,
            FetchError::NoProviders { unreached, .. } if *unreached > 0 => Exit::NoAnswer,
            FetchError::NoProviders { .. } => Exit::NotFound,
            FetchError::FalseReference { .. } => Exit::Usage,
            _ => Exit::Other,
        };
        match error {
            FetchError::Storage(error) => error.into(),
            _ => Self::new(exit, error.to_string()),
        }
    }
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Storage(error) => error.into(),
            other => Self::other(other.to_string()),
        }
    }
}

impl From<ReplicateError> for Failure {
    fn from(error: ReplicateError) -> Self {
        match error {
            ReplicateError::Read(error) => error.into(),
            ReplicateError::Seal(error) => error.into(),
            other => Self::other(other.to_string()),
        }
    }
}

impl From<PlaceError> for Failure {
    fn from(error: PlaceError) -> Self {
        let exit = match error {
            PlaceError::TooFew { declined, .. } if declined > 0 => Exit::NoSpace,
            PlaceError::TooFew { unreached, .. } if unreached > 0 => Exit::NoAnswer,
            PlaceError::TooFew { .. } => Exit::NotFound,
            _ => Exit::Other,
        };
        Self::new(exit, error.to_string())
    }
}
