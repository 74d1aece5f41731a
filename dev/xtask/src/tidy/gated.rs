//! Items behind a `#[cfg(...)]`: blanks them out of a file's code, and names the files they hide.
//!
//! Rules on what ships look away from `#[cfg(test)]`; the rule on the engine's seam looks away
//! from `feature = "simulation"`. *Not here:* boolean algebra; `not(test)` does not count as test.

use std::collections::BTreeSet;

use super::words;
use crate::lexer::{blank, is_word};
use crate::tree::{File, Tree};

/// Whether a gate, the text of a `cfg` attribute, is for tests only.
pub(crate) fn is_test(gate: &str) -> bool {
    words::contains(gate, "test") && !gate.contains("not(") && !gate.contains("any(")
}

/// Whether a gate, the text of a `cfg` attribute, is for the simulation seam (tests included).
pub(crate) fn is_simulation(gate: &str) -> bool {
    (gate.contains("\"simulation\"") && !gate.contains("not(")) || is_test(gate)
}

/// The code of `file` with every item blank whose gate is `closed`; offsets stay what they were.
pub(crate) fn open_code(file: &File, closed: fn(&str) -> bool) -> String {
    let mut code = file.code.clone();
    for (from, to) in gated_items(file, closed) {
        if let Some(item) = file.code.get(from..to) {
            code.replace_range(from..to, &blank(item));
        }
    }
    code
}

/// Where the modules lie that a closed gate hides: each as a path without `.rs`.
pub(crate) fn closed_modules(tree: &Tree, closed: fn(&str) -> bool) -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    for file in tree.rust() {
        for (from, to) in gated_items(file, closed) {
            let item = file.code.get(from..to).unwrap_or_default();
            modules.extend(declared_module(item).map(|name| format!("{}/{name}", file.folder())));
        }
    }
    modules
}

/// Whether the Rust file at `path` is one of `modules` or lies inside one.
pub(crate) fn is_inside(path: &str, modules: &BTreeSet<String>) -> bool {
    let module = path.trim_end_matches(".rs");
    let mut folders = module
        .match_indices('/')
        .filter_map(|(at, _)| module.get(..at));
    modules.contains(module) || folders.any(|folder| modules.contains(folder))
}

/// The name in `mod name;`, whatever stands before it.
fn declared_module(item: &str) -> Option<&str> {
    let declaration = item.trim_end().strip_suffix(';')?;
    let (_, name) = declaration.rsplit_once("mod ")?;
    Some(name.trim()).filter(|name| name.chars().all(is_word))
}

/// From the attribute to the end of the item it gates, as offsets.
fn gated_items(file: &File, closed: fn(&str) -> bool) -> Vec<(usize, usize)> {
    file.code
        .match_indices("#[cfg(")
        .filter_map(|(from, _)| {
            let end = from + bracket_length(file.code.get(from + 1..)?)? + 1;
            let gate = file.text.get(from..end)?;
            closed(gate).then(|| {
                (
                    from,
                    end + item_length(file.code.get(end..).unwrap_or_default()),
                )
            })
        })
        .collect()
}

/// The length of the bracket that `code` begins with, both ends included.
pub(crate) fn bracket_length(code: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, character) in code.char_indices() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(at + character.len_utf8());
        }
    }
    None
}

/// The length of the item `code` begins with: to its closing brace, or to its semicolon; a field
/// or a variant, which has no keyword, ends at its comma.
fn item_length(code: &str) -> usize {
    let mut at = 0;
    while let Some(character) = code.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = code.get(at..).unwrap_or_default();
        match character {
            '{' => return at + bracket_length(rest).unwrap_or(rest.len()),
            '(' | '[' => at += bracket_length(rest).unwrap_or(rest.len()),
            ';' => return at + 1,
            ',' if !has_keyword(code.get(..at).unwrap_or_default()) => return at + 1,
            ')' | ']' | '}' => return at,
            _ => at += character.len_utf8(),
        }
    }
    code.len()
}

fn has_keyword(code: &str) -> bool {
    [
        "fn", "impl", "struct", "enum", "trait", "type", "const", "static", "use", "let",
    ]
    .into_iter()
    .any(|keyword| words::contains(code, keyword))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(text: &str) -> String {
        let code = open_code(&File::new("crates/stt/src/lib.rs", text), is_simulation);
        code.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn gated_item_is_blank_to_its_closing_brace() {
        assert_eq!(open("a #[cfg(test)] mod tests { fn f() {} } b"), "a b");
        assert_eq!(
            open("a #[cfg(test)] #[test] fn f<A, B>(x: A) -> B { {} } b"),
            "a b"
        );
    }

    #[test]
    fn gated_item_without_a_body_is_blank_to_its_semicolon() {
        assert_eq!(open("a #[cfg(test)] use x::y; b"), "a b");
        assert_eq!(open("a #[cfg(test)] const X: [u8; 2] = [1, 2]; b"), "a b");
    }

    #[test]
    fn gated_field_is_blank_to_its_comma() {
        assert_eq!(
            open("struct S { #[cfg(test)] x: u8, y: u8 }"),
            "struct S { y: u8 }"
        );
        assert_eq!(open("struct S { #[cfg(test)] x: u8 }"), "struct S { }");
    }

    #[test]
    fn feature_is_read_although_it_is_a_literal() {
        assert_eq!(
            open("a #[cfg(feature = \"simulation\")] pub mod x { } b"),
            "a b"
        );
    }

    #[test]
    fn other_gates_stay_open() {
        assert_eq!(open("#[cfg(unix)] fn f() {}"), "#[cfg(unix)] fn f() {}");
        assert_eq!(
            open("#[cfg(not(test))] fn f() {}"),
            "#[cfg(not(test))] fn f() {}"
        );
    }

    #[test]
    fn module_file_is_inside_the_gate_of_its_declaration() {
        let tree = Tree::of(&[(
            "crates/stt/src/lib.rs",
            "#[cfg(test)]\nmod model;\nmod node;",
        )]);
        let modules = closed_modules(&tree, is_test);
        assert!(is_inside("crates/stt/src/model.rs", &modules));
        assert!(is_inside("crates/stt/src/model/deep/file.rs", &modules));
        assert!(!is_inside("crates/stt/src/node/mod.rs", &modules));
        assert!(!is_inside("crates/stt/src/models.rs", &modules));
    }
}
