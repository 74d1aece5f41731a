//! What errors of nodes and sessions come to.

use stt::{CloseReason, ConnectError, Door, LanError, StartError, WayFailed};

use super::{Exit, Failure};

impl Failure {
    /// The peer of a group with this `door` was not reached.
    pub(crate) fn unreached(error: ConnectError, door: Door) -> Self {
        let silence = matches!(error, ConnectError::NoAnswer { .. });
        let mut failure = Self::from(error);
        if silence && door == Door::Open {
            failure.message += ", or too many attempts from your network lately";
        }
        failure
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Lan(LanError::Passphrase) => {
                Self::usage(format!("{error}; name its HOST:PORT"))
            }
            StartError::Announce { .. } => Self::usage(error.to_string()),
            StartError::Lan(_) => Self::other(format!("{error}; --lan-port chooses another")),
            _ => Self::other(error.to_string()),
        }
    }
}

impl From<CloseReason> for Failure {
    fn from(reason: CloseReason) -> Self {
        Self::broken_off(format!("broken off: {reason}"))
    }
}

/// Somebody who answered says more than silence.
fn every_way(failed: &[WayFailed]) -> Exit {
    let is = |test: fn(&ConnectError) -> bool| failed.iter().any(|way| test(&way.error));
    if is(|error| matches!(error, ConnectError::WrongPeer { .. })) {
        Exit::WrongPeer
    } else if is(|error| matches!(error, ConnectError::AuthenticationRefused)) {
        Exit::Refused
    } else {
        Exit::NoAnswer
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        let exit = match &error {
            ConnectError::NoAnswer { address, .. } => {
                let causes = "nobody there, UDP blocked, or a different seed";
                return Self::new(
                    Exit::NoAnswer,
                    format!("no answer from {address}: {causes}"),
                );
            }
            ConnectError::Relay { .. }
            | ConnectError::Resolve { .. }
            | ConnectError::Unreachable { .. }
            | ConnectError::WebSocket { .. } => Exit::NoAnswer,
            ConnectError::EveryWay { failed } => every_way(failed),
            ConnectError::AuthenticationRefused => Exit::Refused,
            ConnectError::WrongPeer { .. } => Exit::WrongPeer,
            ConnectError::SelfDial | ConnectError::Url { .. } => Exit::Usage,
            ConnectError::Closed(_) => Exit::BrokenOff,
            _ => Exit::Other,
        };
        Self::new(exit, error.to_string())
    }
}
