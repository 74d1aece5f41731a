//! What a rule found: where, how grave, and in which words.

use std::fmt;

use crate::tree::File;

/// One place that a rule has something to say about. Ordered by path, then line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) path: String,
    /// From 1.
    pub(crate) line: usize,
    pub(crate) severity: Severity,
    pub(crate) message: String,
}

/// Whether a finding stops a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// The rule is broken; the commit does not pass.
    Broken,
    /// Allowed still, but heading for the wall.
    Watch,
}

impl Finding {
    /// A broken rule at a line of a path.
    pub(crate) fn broken(path: &str, line: usize, message: String) -> Self {
        Self {
            path: path.to_owned(),
            line,
            severity: Severity::Broken,
            message,
        }
    }

    /// A broken rule at an offset of a file.
    pub(crate) fn broken_at(file: &File, offset: usize, message: String) -> Self {
        Self::broken(&file.path, file.line_at(offset), message)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = match self.severity {
            Severity::Broken => "",
            Severity::Watch => "watch: ",
        };
        write!(f, "{}:{}: {prefix}{}", self.path, self.line, self.message)
    }
}
