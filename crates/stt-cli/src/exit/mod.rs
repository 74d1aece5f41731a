//! How the command may end: the one place that knows an exit code.
//!
//! What the library's errors come to is in [`session`], [`store`], [`content`] and [`network`].

mod content;
mod network;
mod session;
mod store;

use std::{error::Error, fmt::Display, io};

/// How a run ended, as scripts see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All that was asked for is done, and for a pipe both sides know it.
    Done = 0,
    /// Something outside the other kinds: an address that is taken, a file that cannot be written.
    Other = 1,
    /// The command can't mean that: arguments, seeds and files that are not what they must be.
    Usage = 2,
    /// The peer answered and holds a different seed.
    Refused = 3,
    /// Nothing came back.
    NoAnswer = 4,
    /// A session ended before both directions had, or somebody wanted an end before all was done.
    BrokenOff = 5,
    /// A member answered, but not the one that was asked for.
    WrongPeer = 6,
    /// The store does not have the object, or nobody in the group has or knows it.
    NotFound = 10,
    /// Bytes of the store are not what was written.
    Damaged = 11,
    /// Another process has the store, or the data dir.
    InUse = 12,
    /// The seed does not open the store.
    WrongSeed = 13,
    /// The medium is full, or the quota is.
    NoSpace = 14,
}

impl Exit {
    /// Every one.
    pub(crate) const ALL: [Self; 12] = [
        Self::Done,
        Self::Other,
        Self::Usage,
        Self::Refused,
        Self::NoAnswer,
        Self::BrokenOff,
        Self::WrongPeer,
        Self::NotFound,
        Self::Damaged,
        Self::InUse,
        Self::WrongSeed,
        Self::NoSpace,
    ];

    /// The number a shell sees.
    pub(crate) fn code(self) -> i32 {
        self as i32
    }
}

/// The table in `--help` and on the man page.
pub(crate) const TABLE: &str = "\
Exit codes:
   0  done; for a pipe, both sides know it
   1  anything else, such as an address that is taken
   2  usage; a seed that is missing, mistyped or readable by others; dialling oneself
   3  authentication refused: the peer holds a different passphrase
   4  no answer: nobody there, UDP blocked, or a different seed
   5  broken off or interrupted before the end
   6  the peer is not the one named by --peer
  10  not found: the store does not have the object, or nobody in the group has or knows it
  11  the store is damaged
  12  the store, or the data dir, is in use by another process
  13  the seed does not open the store
  14  no space is left, or the quota is too small";

/// Why the command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
    /// A person has read of it already.
    pub(crate) is_told: bool,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            is_told: false,
        }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    pub(crate) fn other(message: impl Into<String>) -> Self {
        Self::new(Exit::Other, message)
    }

    pub(crate) fn broken_off(message: impl Into<String>) -> Self {
        Self::new(Exit::BrokenOff, message)
    }

    /// `what` could not be written to.
    pub(crate) fn unwritten(what: impl Display, error: &io::Error) -> Self {
        let exit = match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Exit::NoSpace,
            _ => Exit::Other,
        };
        Self::new(exit, format!("cannot write {what}: {error}"))
    }

    /// The same, where a line on standard error has said it.
    pub(crate) fn told(mut self) -> Self {
        self.is_told = true;
        self
    }

    /// The same, and what it was about.
    pub(crate) fn about(mut self, what: impl Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }
}

/// An error and what caused it, in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
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
            Exit::NotFound,
            Exit::Damaged,
            Exit::InUse,
            Exit::WrongSeed,
            Exit::NoSpace,
        ] {
            assert!(
                TABLE.contains(&format!("\n  {:>2}  ", exit.code())),
                "{exit:?}"
            );
        }
    }
}
