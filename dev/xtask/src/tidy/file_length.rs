//! Rule: a Rust file above 400 lines is watched, above 600 it is broken.
//!
//! A typical file stays under 300. A table of data may be as long as its data: [`LONG_BY_NATURE`]
//! names it with a reason.

use super::{Finding, Severity};
use crate::tree::{File, Tree};

const WATCHED_LINES: usize = 400;
const MOST_LINES: usize = 600;

/// Path and reason.
const LONG_BY_NATURE: &[(&str, &str)] = &[];

/// Finds the files that are too long, or soon will be.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust()
        .filter(|file| !is_long_by_nature(&file.path))
        .filter_map(judge)
        .collect()
}

fn is_long_by_nature(path: &str) -> bool {
    LONG_BY_NATURE.iter().any(|(allowed, _)| *allowed == path)
}

fn judge(file: &File) -> Option<Finding> {
    let lines = file.text.lines().count();
    let (severity, limit) = if lines > MOST_LINES {
        (Severity::Broken, MOST_LINES)
    } else if lines > WATCHED_LINES {
        (Severity::Watch, WATCHED_LINES)
    } else {
        return None;
    };
    let message = format!("{lines} lines, more than {limit}: is this one thought?");
    Some(Finding {
        path: file.path.clone(),
        line: lines,
        severity,
        message,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn severity_of(lines: usize) -> Option<Severity> {
        let tree = Tree::of(&[("a.rs", &"x\n".repeat(lines))]);
        check(&tree).first().map(|finding| finding.severity)
    }

    #[test]
    fn long_file_is_watched_and_longer_one_is_refused() {
        assert_eq!(severity_of(400), None);
        assert_eq!(severity_of(401), Some(Severity::Watch));
        assert_eq!(severity_of(600), Some(Severity::Watch));
        assert_eq!(severity_of(601), Some(Severity::Broken));
    }

    #[test]
    fn every_exception_has_a_reason() {
        assert!(LONG_BY_NATURE.iter().all(|(_, reason)| !reason.is_empty()));
    }
}
