//! How the command may end: the one place that knows an exit code.

use stt::{CloseReason, ConnectError, Door, StartError};

/// How a run ended, as scripts see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All that was asked for is done, and for a pipe both sides know it.
    Done = 0,
    /// Something outside the other kinds: a disk that is full, an address that is taken.
    Other = 1,
    /// The command can't mean that: arguments, seeds and files that are not what they must be.
    Usage = 2,
    /// The peer answered and holds a different seed.
    Refused = 3,
    /// Nothing came back.
    NoAnswer = 4,
    /// A session ended before both directions had.
    BrokenOff = 5,
    /// A member answered, but not the one that was asked for.
    WrongPeer = 6,
}

impl Exit {
    /// The number a shell sees.
    pub(crate) fn code(self) -> i32 {
        self as i32
    }
}

/// The table in `--help` and on the man page.
pub(crate) const TABLE: &str = "\
Exit codes:
  0  done, and both sides know it
  1  anything else, such as an address that is taken
  2  usage; a seed that is missing, mistyped or readable by others; dialling oneself
  3  authentication refused: the peer holds a different passphrase
  4  no answer: nobody there, UDP blocked, or a different seed
  5  broken off before both ends had finished
  6  the peer is not the one named by --peer";

/// Why the command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
        }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    pub(crate) fn other(message: impl Into<String>) -> Self {
        Self::new(Exit::Other, message)
    }

    /// The peer of a group with this `door` was not reached.
    pub(crate) fn unreached(error: ConnectError, door: Door) -> Self {
        let silence = matches!(error, ConnectError::NoAnswer { .. });
        let mut failure = Self::from(error);
        if silence && door == Door::Open {
            failure.message += ", or too many attempts from your network lately";
        }
        failure
    }

    pub(crate) fn broken_off(message: impl Into<String>) -> Self {
        Self::new(Exit::BrokenOff, message)
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Self::other(error.to_string())
    }
}

impl From<CloseReason> for Failure {
    fn from(reason: CloseReason) -> Self {
        Self::broken_off(format!("broken off: {reason}"))
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
            ConnectError::Resolve { .. } | ConnectError::Unreachable { .. } => Exit::NoAnswer,
            ConnectError::AuthenticationRefused => Exit::Refused,
            ConnectError::WrongPeer { .. } => Exit::WrongPeer,
            ConnectError::SelfDial => Exit::Usage,
            ConnectError::Closed(_) => Exit::BrokenOff,
            _ => Exit::Other,
        };
        Self::new(exit, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_in_the_table() {
        for exit in [
            Exit::Done,
            Exit::Other,
            Exit::Usage,
            Exit::Refused,
            Exit::NoAnswer,
            Exit::BrokenOff,
            Exit::WrongPeer,
        ] {
            assert!(
                TABLE.contains(&format!("\n  {}  ", exit.code())),
                "{exit:?}"
            );
        }
    }
}
