//! Rule: a test is named for what it promises, not for why it was written.
//!
//! `session_survives_a_change_of_path` says what breaks when it is red; names for a percentage,
//! a collection of oddities or a number in a tracker do not.

use super::Finding;
use crate::lexer::is_word;
use crate::tree::{File, Tree};

const EMPTY_NAMES: [&str; 3] = ["coverage", "edge_case", "issue_"];

/// Finds tests, and files of tests, with names that promise nothing.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let files = tree.rust().filter(|file| file.folder().ends_with("tests"));
    let named_files = files.filter_map(|file| objection(&file.path, file, 0));
    named_files.chain(tree.rust().flat_map(judge)).collect()
}

fn judge(file: &File) -> Vec<Finding> {
    tests(&file.code)
        .into_iter()
        .filter_map(|(at, name)| objection(name, file, at))
        .collect()
}

fn objection(name: &str, file: &File, offset: usize) -> Option<Finding> {
    let empty = EMPTY_NAMES.into_iter().find(|empty| name.contains(empty))?;
    let message = format!("`{empty}` in the name of a test: say what it promises");
    Some(Finding::broken_at(file, offset, message))
}

/// The functions under an attribute whose path ends in `test`, each with its offset.
pub(super) fn tests(code: &str) -> Vec<(usize, &str)> {
    let attributes = code.match_indices("#[").filter_map(|(at, _)| {
        let rest = code.get(at..)?;
        is_test_attribute(rest).then_some((at, rest))
    });
    attributes
        .filter_map(|(at, rest)| next_function(rest).map(|(from, name)| (at + from, name)))
        .collect()
}

fn is_test_attribute(rest: &str) -> bool {
    let path = rest.split(['(', ']']).next().unwrap_or_default();
    let last = path.rsplit(|character| !is_word(character)).next();
    last.is_some_and(|name| name == "test" || name == "rstest")
}

fn next_function(rest: &str) -> Option<(usize, &str)> {
    let at = rest.find("fn ")? + "fn ".len();
    let name = rest
        .get(at..)?
        .split(|character| !is_word(character))
        .next()?;
    Some((at, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(&Tree::of(&[(path, text)]))
            .into_iter()
            .map(|finding| finding.line)
            .collect()
    }

    #[test]
    fn name_that_promises_nothing_is_found() {
        assert_eq!(lines("a.rs", "#[test]\nfn more_coverage() {}"), [2]);
        assert_eq!(
            lines(
                "a.rs",
                "#[tokio::test(start_paused = true)]\nasync fn issue_12() {}"
            ),
            [2]
        );
        assert_eq!(lines("crates/stt/tests/edge_cases.rs", "//! Tests."), [1]);
    }

    #[test]
    fn sentence_is_welcome_and_functions_that_are_no_tests_are_free() {
        assert_eq!(
            lines("a.rs", "#[test]\nfn seed_survives_its_text_form() {}"),
            []
        );
        assert_eq!(
            lines("a.rs", "#[derive(Debug)]\nstruct S;\nfn issue_ticket() {}"),
            []
        );
    }
}
