//! Rule: each sentence of the law that code cites exists.
//!
//! An id is capitals, a hyphen and a number, as in `HS-12`; it exists when a page of the law has it.
//! Code cites in a comment, on the line that has `spec:`; several ids may follow.

use std::collections::BTreeSet;

use super::Finding;
use crate::tree::{File, Tree};

/// Finds the citations of sentences that no page of the law has.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let law = law(tree);
    tree.rust().flat_map(|file| judge(file, &law)).collect()
}

fn law(tree: &Tree) -> BTreeSet<&str> {
    let pages = tree
        .markdown()
        .filter(|file| file.path.starts_with("spec/"));
    pages
        .flat_map(|page| tokens(&page.text))
        .filter(|token| is_id(token))
        .collect()
}

fn judge(file: &File, law: &BTreeSet<&str>) -> Vec<Finding> {
    let lines = (1..).zip(file.comments.lines());
    lines
        .flat_map(|(line, comment)| cited(comment).map(move |id| (line, id)))
        .filter(|(_, id)| !law.contains(id))
        .map(|(line, id)| Finding::broken(&file.path, line, format!("no page in spec/ has {id}")))
        .collect()
}

fn cited(comment: &str) -> impl Iterator<Item = &str> {
    let citation = comment.split_once("spec:").map_or("", |(_, after)| after);
    tokens(citation).filter(|token| is_id(token))
}

fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_ascii_alphanumeric() && character != '-')
}

/// Capitals, then numbers, with hyphens between: `HS-12`, `STC-HS-3`. Not `SHA3-256`.
fn is_id(token: &str) -> bool {
    let Some((area, number)) = token.rsplit_once('-') else {
        return false;
    };
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let is_area = area
        .split('-')
        .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase()));
    is_number && is_area
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(code: &str) -> Vec<(usize, String)> {
        let law = "[HS-12] A node MUST be silent.\n| W-3 | a frame |";
        let findings = check(&Tree::of(&[("spec/stc.md", law), ("a.rs", code)]));
        findings
            .into_iter()
            .map(|finding| (finding.line, finding.message))
            .collect()
    }

    #[test]
    fn citation_of_a_sentence_that_exists_is_welcome() {
        assert_eq!(
            messages("//! Gate. *spec:* the door\n// spec: HS-12, W-3\nfn f() {}"),
            []
        );
    }

    #[test]
    fn citation_of_nothing_is_found_at_its_line() {
        let found = messages("//! Gate.\n// spec: HS-12, HS-13\nfn f() {}");
        assert_eq!(found, [(2, "no page in spec/ has HS-13".into())]);
    }

    #[test]
    fn names_of_algorithms_are_no_ids() {
        assert_eq!(
            messages("// spec: address is SHA3-256 over UTF-8x, AES-256-GCM"),
            []
        );
    }

    #[test]
    fn literal_is_no_citation() {
        assert_eq!(messages("const X: &str = \"spec: HS-99\";"), []);
    }
}
