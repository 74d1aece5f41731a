//! Rule: each test that a contract names exists.
//!
//! The contract of a primitive is a table in its docs: a line with what is promised and, in its last
//! column, the tests that prove it. A line counts when its last column names a test in backticks: a
//! word of lower-case letters, digits and at least three underscores.

use std::collections::BTreeSet;

use super::{Finding, test_names};
use crate::lexer::is_word;
use crate::tree::{File, Tree};

/// Finds the proofs that are no tests.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let tests: BTreeSet<&str> = tree
        .rust()
        .flat_map(|file| test_names::tests(&file.code))
        .map(|(_, name)| name)
        .collect();
    tree.rust().flat_map(|file| judge(file, &tests)).collect()
}

fn judge(file: &File, tests: &BTreeSet<&str>) -> Vec<Finding> {
    let lines = (1..).zip(file.text.lines());
    lines
        .flat_map(|(line, text)| proofs(text).map(move |name| (line, name)))
        .filter(|(_, name)| !tests.contains(name))
        .map(|(line, name)| Finding::broken(&file.path, line, format!("no test is named {name}")))
        .collect()
}

/// The tests that a line of a table in docs names in its last column.
fn proofs(line: &str) -> impl Iterator<Item = &str> {
    let line = line.trim_start();
    let docs = line
        .strip_prefix("///")
        .or_else(|| line.strip_prefix("//!"));
    let row = docs.and_then(|docs| docs.trim().strip_prefix('|')?.strip_suffix('|'));
    let last = row
        .and_then(|row| row.rsplit('|').next())
        .unwrap_or_default();
    last.split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| is_test_name(name))
}

fn is_test_name(name: &str) -> bool {
    let is_lower = |character: char| is_word(character) && !character.is_uppercase();
    name.matches('_').count() >= 3 && name.chars().all(is_lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(table: &str) -> usize {
        let tests = "//! Tests.\n#[test]\nfn items_arrive_in_order() {}\n";
        check(&Tree::of(&[("src/a.rs", table), ("tests/a.rs", tests)])).len()
    }

    #[test]
    fn proof_that_is_no_test_is_found() {
        assert_eq!(
            found("/// | order | kept | `items_arrive_in_any_order` |\n"),
            1
        );
        assert_eq!(
            found("//! | x | y | `a_b_c_d`, `items_arrive_in_order` |\n"),
            1
        );
    }

    #[test]
    fn proof_that_is_a_test_is_welcome_and_other_columns_and_words_are_free() {
        assert_eq!(found("/// | order | kept | `items_arrive_in_order` |\n"), 0);
        assert_eq!(
            found("/// | order | see `some_other_long_name` | by construction |\n"),
            0
        );
        assert_eq!(found("/// | memory | bounded | `max_len` |\n"), 0);
    }
}
