//! What errors of fetching content come to.

use stt::FetchError;

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
