//! Rule: a relative link in a Markdown page leads to something that exists.
//!
//! Code blocks and code spans are skipped; links with a scheme, and links within the page, too.

use super::Finding;
use crate::tree::{File, Tree};

/// Finds the links that lead nowhere.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.markdown().flat_map(|page| judge(page, tree)).collect()
}

fn judge(page: &File, tree: &Tree) -> Vec<Finding> {
    prose(&page.text)
        .into_iter()
        .flat_map(|(line, text)| {
            targets(&text)
                .into_iter()
                .map(move |target| (line, target))
                .collect::<Vec<_>>()
        })
        .filter(|(_, target)| is_relative(target) && !leads_somewhere(page, target, tree))
        .map(|(line, target)| {
            Finding::broken(&page.path, line, format!("`{target}` leads to nothing"))
        })
        .collect()
}

/// The lines outside code blocks, each with its number and without its code spans.
fn prose(text: &str) -> Vec<(usize, String)> {
    let mut is_code = false;
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            lines.push((number, line.split('`').step_by(2).collect()));
        }
    }
    lines
}

/// What `](target)` and `[name]: target` lead to, without titles.
fn targets(line: &str) -> Vec<String> {
    let inline = line
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next());
    let reference = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]: "))
        .and_then(|(_, target)| target.split_whitespace().next());
    inline
        .chain(reference)
        .map(|target| target.trim_matches(['<', '>']).to_owned())
        .collect()
}

fn is_relative(target: &str) -> bool {
    !target.is_empty()
        && !target.contains("://")
        && !target.starts_with(['#'])
        && !target.starts_with("mailto:")
}

fn leads_somewhere(page: &File, target: &str, tree: &Tree) -> bool {
    let path = target.split(['#', '?']).next().unwrap_or_default();
    resolve(page.folder(), path).is_some_and(|path| tree.contains(&path))
}

/// The path of a link in a page of `folder`; None when it leaves the checkout.
fn resolve(folder: &str, link: &str) -> Option<String> {
    let mut place: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).collect();
    for name in link.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(place.pop()?),
            _ => place.push(name),
        }
    }
    Some(place.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(text: &str) -> Vec<usize> {
        let tree = Tree::of(&[
            ("docs/page.md", text),
            ("spec/wire.md", ""),
            ("README.md", ""),
        ]);
        check(&tree)
            .into_iter()
            .map(|finding| finding.line)
            .collect()
    }

    #[test]
    fn link_to_a_file_or_a_folder_is_welcome() {
        assert_eq!(
            broken("[law](../spec/wire.md#frames) and [all](../spec) and [me](page.md)"),
            []
        );
        assert_eq!(broken("[wire]: ../spec/wire.md \"the law\""), []);
    }

    #[test]
    fn link_to_nothing_is_found_at_its_line() {
        assert_eq!(broken("fine\n[law](../spec/stc.md)"), [2]);
        assert_eq!(broken("[wire]: wire.md"), [1]);
        assert_eq!(broken("[out](../../elsewhere.md)"), [1]);
    }

    #[test]
    fn addresses_and_code_are_skipped() {
        assert_eq!(
            broken("[a](https://example.org/x) [b](#here) [c](mailto:a@example.org)"),
            []
        );
        assert_eq!(broken("`[x](nowhere)`\n```text\n[x](nowhere)\n```"), []);
    }
}
