//! Rule: every Rust file begins with `//!`, one line that says what the file is.

use super::Finding;
use crate::tree::{File, Tree};

/// Finds the files that begin with anything else, or with an empty line of documentation.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust()
        .filter(|file| !has_header(file))
        .map(finding)
        .collect()
}

fn has_header(file: &File) -> bool {
    let first = file.text.lines().next().unwrap_or_default();
    first
        .strip_prefix("//!")
        .is_some_and(|says| !says.trim().is_empty())
}

fn finding(file: &File) -> Finding {
    Finding::broken(
        &file.path,
        1,
        "the file does not begin with `//!` and what it is".into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_tidy(text: &str) -> bool {
        check(&Tree::of(&[("a.rs", text)])).is_empty()
    }

    #[test]
    fn file_says_first_what_it_is() {
        assert!(is_tidy("//! Seeds.\nfn f() {}"));
        assert!(!is_tidy("fn f() {}"));
        assert!(!is_tidy("\n//! Seeds."));
        assert!(!is_tidy("//!\n//! Seeds."));
        assert!(!is_tidy(""));
    }
}
