//! What can go wrong while a lab is built or changed: always the machine, never a peer.

use std::io;
/// Why a lab, or a change to it, did not come about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// This machine cannot have a lab. Tests say so and pass over.
    #[error("no lab on this machine: {0}")]
    Unavailable(Unavailable),
    /// `ip`, `nft` or `tc` refused.
    #[error("`{command}` refused: {complaint}")]
    Refused {
        /// The command, and what it was told.
        command: String,
        /// What it wrote to its standard error.
        complaint: String,
    },
    /// The kernel refused something that was asked of it directly.
    #[error("cannot {action}")]
    Io {
        /// What was tried.
        action: String,
        /// What the kernel answered.
        source: io::Error,
    },
    /// The network has as many networks as it has numbers for.
    #[error("all {limit} numbers of this network are taken")]
    Full {
        /// How many there are.
        limit: u8,
    },
}

/// What a machine lacks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// Network namespaces are root's.
    #[error("it needs root")]
    NotRoot,
    /// A program is not installed.
    #[error("`{program}` is not installed (Debian package `{package}`)")]
    Missing {
        /// Its name.
        program: &'static str,
        /// Where it comes from.
        package: &'static str,
    },
    /// The kernel, or the container around us, gives no namespaces.
    #[error("namespaces are refused: {complaint}")]
    Refused {
        /// What the first command said.
        complaint: String,
    },
}

/// Puts what was tried before an error of the kernel.
pub(crate) trait Attempt<T> {
    fn attempt(self, action: impl Into<String>) -> Result<T, LabError>;
}

impl<T, E: Into<io::Error>> Attempt<T> for Result<T, E> {
    fn attempt(self, action: impl Into<String>) -> Result<T, LabError> {
        self.map_err(|source| LabError::Io {
            action: action.into(),
            source: source.into(),
        })
    }
}
