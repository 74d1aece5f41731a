//! Rule: nothing unfinished is committed: no macro that panics for later, no ignored test, no mark.
//!
//! Work that is still to do has an issue; a test that cannot run now is not a test.

use super::{Finding, words};
use crate::tree::{File, Tree};

const IN_CODE: [&str; 4] = ["todo!", "unimplemented!", "#[ignore]", "#[ignore ="];
const IN_COMMENTS: [&str; 3] = ["TODO", "FIXME", "XXX"];

/// Finds what was left for later.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust().flat_map(judge).collect()
}

fn judge(file: &File) -> Vec<Finding> {
    let mut findings = mentions(file, &file.code, &IN_CODE);
    findings.extend(mentions(file, &file.comments, &IN_COMMENTS));
    findings
}

fn mentions(file: &File, view: &str, marks: &[&str]) -> Vec<Finding> {
    let find = |mark: &&str| {
        let message = format!("`{mark}`: finish it, or open an issue and take it out");
        words::offsets(view, mark)
            .map(|offset| Finding::broken_at(file, offset, message.clone()))
            .collect::<Vec<_>>()
    };
    marks.iter().flat_map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        check(&Tree::of(&[("a.rs", text)]))
            .into_iter()
            .map(|finding| finding.line)
            .collect()
    }

    #[test]
    fn work_left_for_later_is_found() {
        assert_eq!(lines("//! a\nfn f() { todo!() }"), [2]);
        assert_eq!(lines("fn f() { unimplemented!(\"x\") }"), [1]);
        assert_eq!(lines("fn f() {}\n\n// FIXME: later"), [3]);
        assert_eq!(lines("#[test]\n#[ignore]\nfn f() {}"), [2]);
        assert_eq!(lines("#[ignore = \"slow\"]\nfn f() {}"), [1]);
    }

    #[test]
    fn talk_about_marks_in_strings_is_free() {
        assert_eq!(lines("const MARK: &str = \"FIXME todo! XXX\";"), []);
        assert_eq!(lines("// mktemp -d XXXXXX\nfn todo() {}"), []);
    }
}
