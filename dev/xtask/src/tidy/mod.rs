//! Tidy: the rules of the house that no compiler knows, one rule a file.
//!
//! A rule is a pure function over the [`Tree`] that returns [`Finding`]s; it reads nothing and
//! prints nothing, so its tests are pairs of path and text.
//! *Invariant, stable:* the same tree gives the same findings in the same order.
//!
//! *Not here:* what rustc or clippy can refuse. That belongs to the lints in the root Cargo.toml.

mod arrows;
mod engine_seam;
mod file_length;
mod finding;
mod gated;
mod headers;
mod layout;
mod links;
mod proofs;
mod purity;
mod rooms;
mod spec_ids;
mod test_names;
mod unfinished;
mod words;

use std::path::Path;

use anyhow::{Result, bail};

pub(crate) use self::finding::{Finding, Severity};
use crate::tree::Tree;

type Rule = fn(&Tree) -> Vec<Finding>;

const RULES: [(&str, Rule); 11] = [
    ("headers", headers::check),
    ("file-length", file_length::check),
    ("layout", layout::check),
    ("arrows", arrows::check),
    ("purity", purity::check),
    ("engine-seam", engine_seam::check),
    ("unfinished", unfinished::check),
    ("test-names", test_names::check),
    ("proofs", proofs::check),
    ("spec-ids", spec_ids::check),
    ("links", links::check),
];

/// Checks the checkout at `root` and prints what it found.
///
/// # Errors
/// When a rule is broken, or the checkout cannot be read.
pub(crate) fn run(root: &Path) -> Result<()> {
    let tree = Tree::read(root)?;
    let findings = check(&tree);
    for (rule, finding) in &findings {
        println!("{finding} [{rule}]");
    }
    let broken = findings
        .iter()
        .filter(|(_, finding)| finding.severity == Severity::Broken)
        .count();
    println!(
        "tidy: {} files, {} rules, {broken} broken, {} to watch",
        tree.paths.len(),
        RULES.len(),
        findings.len() - broken
    );
    if broken > 0 {
        bail!("{broken} places break a rule of the house");
    }
    Ok(())
}

fn check(tree: &Tree) -> Vec<(&'static str, Finding)> {
    let mut findings = Vec::new();
    for (name, rule) in RULES {
        let mut found = rule(tree);
        found.sort();
        findings.extend(found.into_iter().map(|finding| (name, finding)));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tidy_tree_has_no_findings() {
        let tree = Tree::of(&[
            ("README.md", "[the library](crates/stc/src/lib.rs)"),
            (
                "crates/stc/Cargo.toml",
                "[dependencies]\nzeroize.workspace = true\n",
            ),
            ("crates/stc/src/lib.rs", "//! Seeds.\n"),
        ]);
        assert_eq!(check(&tree), []);
    }

    #[test]
    fn findings_of_a_rule_come_in_the_order_of_path_and_line() {
        let tree = Tree::of(&[
            (
                "crates/stt/src/b.rs",
                "//! b\n\nfn f() { todo!() }\nfn g() { todo!() }",
            ),
            ("crates/stt/src/a.rs", "//! a\nfn f() { todo!() }"),
        ]);
        let places: Vec<_> = check(&tree)
            .into_iter()
            .map(|(_, at)| (at.path, at.line))
            .collect();
        let expected = [("a", 2), ("b", 3), ("b", 4)];
        assert_eq!(
            places,
            expected.map(|(name, line)| (format!("crates/stt/src/{name}.rs"), line))
        );
    }
}
