//! Rule: a module's door lies inside its folder, and no room is named for being a heap.
//!
//! `foo/mod.rs`, never `foo.rs` beside `foo/`. Clippy keeps this only for files that a build
//! reads; here it holds for every file. A file called `util` has no subject, so it never ends.

use super::Finding;
use crate::tree::Tree;

const HEAPS: [&str; 7] = [
    "util", "utils", "misc", "common", "helper", "helpers", "stuff",
];

/// Finds Rust files beside a folder of their name, and heaps.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let paths = || tree.rust().map(|file| file.path.as_str());
    let beside = paths()
        .filter(|path| has_folder_beside(tree, path))
        .map(beside_finding);
    let heaps = paths().filter_map(heap_finding);
    beside.chain(heaps).collect()
}

fn has_folder_beside(tree: &Tree, path: &str) -> bool {
    path.strip_suffix(".rs")
        .is_some_and(|folder| tree.contains(folder))
}

fn beside_finding(path: &str) -> Finding {
    Finding::broken(
        path,
        1,
        "a folder of this name lies beside the file: use its mod.rs".into(),
    )
}

fn heap_finding(path: &str) -> Option<Finding> {
    let heap = path
        .trim_end_matches(".rs")
        .split('/')
        .find(|name| HEAPS.contains(name))?;
    Some(Finding::broken(
        path,
        1,
        format!("`{heap}` names no subject"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(paths: &[&str]) -> usize {
        let files: Vec<_> = paths.iter().map(|path| (*path, "")).collect();
        check(&Tree::of(&files)).len()
    }

    #[test]
    fn door_of_a_module_lies_inside_its_folder() {
        assert_eq!(count(&["src/seed/mod.rs", "src/seed/text.rs"]), 0);
        assert_eq!(count(&["src/seed.rs", "src/seed/text.rs"]), 1);
        assert_eq!(count(&["src/seed.rs", "src/seeds/text.rs"]), 0);
    }

    #[test]
    fn heap_is_refused_as_a_file_and_as_a_folder() {
        assert_eq!(
            count(&["src/util.rs", "tests/common/mod.rs", "src/helpers/x.rs"]),
            3
        );
        assert_eq!(count(&["src/utility_meter.rs", "src/commons.rs"]), 0);
    }
}
