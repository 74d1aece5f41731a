//! What errors of the DHT come to.

use stt::dht::{AnnounceError, BootstrapError, FindPeerError, FindProvidersError, QueryError};

use super::{Exit, Failure};

fn of_query(error: &QueryError) -> Exit {
    match error {
        QueryError::NotFound { .. } => Exit::NotFound,
        QueryError::NobodyKnown
        | QueryError::NobodyAnswered { .. }
        | QueryError::TimedOut { .. } => Exit::NoAnswer,
        _ => Exit::Other,
    }
}

impl From<BootstrapError> for Failure {
    fn from(error: BootstrapError) -> Self {
        let exit = match &error {
            BootstrapError::NobodyReached { .. } | BootstrapError::NobodyToAsk => Exit::NoAnswer,
            BootstrapError::Query(error) => of_query(error),
            _ => Exit::Other,
        };
        Self::new(exit, format!("cannot join: {error}"))
    }
}

impl From<FindPeerError> for Failure {
    fn from(error: FindPeerError) -> Self {
        let exit = match &error {
            FindPeerError::Query(error) => of_query(error),
            FindPeerError::Unreadable => Exit::NotFound,
            _ => Exit::Other,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<FindProvidersError> for Failure {
    fn from(error: FindProvidersError) -> Self {
        let exit = match &error {
            FindProvidersError::Query(error) => of_query(error),
            FindProvidersError::Unreadable { .. } | FindProvidersError::OnlyThisNode => {
                Exit::NotFound
            }
            _ => Exit::Other,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<AnnounceError> for Failure {
    fn from(error: AnnounceError) -> Self {
        let exit = match &error {
            AnnounceError::Query(error) => of_query(error),
            _ => Exit::Other,
        };
        Self::new(exit, format!("not announced for certain: {error}"))
    }
}
