//! Rule: no type of the engine in the public API of `stt`, so that the engine can be replaced.
//!
//! Looks at each `pub` item outside `transport/` and outside `feature = "simulation"`: its
//! signature, and for an enum or a trait its body, where all is public. Private fields may hold
//! what they like. *Not seen:* a public type alias of another name, and trait impls.

use super::{Finding, gated, words};
use crate::tree::{File, Tree};

const ENGINE: [&str; 3] = ["noq", "noq_proto", "noq_udp"];
const API: &str = "crates/stt/src/";
const ADAPTER: &str = "crates/stt/src/transport/";

/// Finds the public items of `stt` that name the engine.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let seam = gated::closed_modules(tree, gated::is_simulation);
    tree.rust()
        .filter(|file| file.path.starts_with(API) && !file.path.starts_with(ADAPTER))
        .filter(|file| !gated::is_inside(&file.path, &seam))
        .flat_map(judge)
        .collect()
}

fn judge(file: &File) -> Vec<Finding> {
    let code = gated::open_code(file, gated::is_simulation);
    let leaks = |offset: &usize| {
        let item = code.get(*offset..).unwrap_or_default();
        names_engine(visible_part(item))
    };
    words::offsets(&code, "pub ")
        .filter(leaks)
        .map(|offset| {
            Finding::broken_at(
                file,
                offset,
                "a public item of `stt` names the engine".into(),
            )
        })
        .collect()
}

fn names_engine(code: &str) -> bool {
    ENGINE.into_iter().any(|name| words::contains(code, name))
}

/// What users see of the item that `code` begins with, `pub` included.
fn visible_part(code: &str) -> &str {
    let end = match kind(code) {
        Some("enum" | "trait") => end_of_body(code),
        Some("use" | "type" | "mod") => code.find(';'),
        Some("const" | "static") => code.find(['=', ';']),
        Some("struct") => code.find(['{', '(', ';']),
        Some(_) => code.find(['{', ';']),
        None => code.find([',', '}', ';']),
    };
    code.get(..end.unwrap_or(code.len())).unwrap_or_default()
}

fn end_of_body(code: &str) -> Option<usize> {
    let from = code.find('{')?;
    Some(from + gated::bracket_length(code.get(from..)?)?)
}

/// The keyword of an item; None for a field, which has none.
fn kind(code: &str) -> Option<&str> {
    const KINDS: [&str; 9] = [
        "fn", "struct", "enum", "trait", "use", "type", "const", "static", "mod",
    ];
    const QUALIFIERS: [&str; 4] = ["const", "async", "unsafe", "extern"];
    let words: Vec<&str> = code.split_whitespace().skip(1).take(5).collect();
    let is_function = words.iter().find(|word| !QUALIFIERS.contains(word)) == Some(&"fn");
    let first = words.first().copied().filter(|word| KINDS.contains(word));
    if is_function { Some("fn") } else { first }
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

    fn leaks(text: &str) -> bool {
        !lines("crates/stt/src/node/mod.rs", text).is_empty()
    }

    #[test]
    fn public_signature_may_not_name_the_engine() {
        assert!(leaks("pub fn inner(&self) -> &noq::Connection { &self.0 }"));
        assert!(leaks("pub async fn f(\n    x: noq_proto::PathId,\n) {}"));
        assert!(leaks("pub use noq::{Connection, VarInt};"));
        assert!(leaks("pub type Inner = noq::Connection;"));
        assert!(leaks("pub const fn id(self) -> noq::VarInt { self.0 }"));
    }

    #[test]
    fn public_field_and_variant_may_not_hold_the_engine() {
        assert!(leaks("pub struct Session { pub inner: noq::Connection }"));
        assert!(leaks("pub struct Session(pub noq::Connection);"));
        assert!(leaks("pub enum Error { Lost(noq::ConnectionError) }"));
        assert!(leaks(
            "pub enum Error { Refused { code: u8 }, Lost(noq::ConnectionError) }"
        ));
    }

    #[test]
    fn private_parts_may_name_the_engine() {
        assert!(!leaks("pub struct Session { inner: noq::Connection }"));
        assert!(!leaks("pub struct Session(noq::Connection);"));
        assert!(!leaks(
            "pub fn id(&self) -> u64 { noq::VarInt::from_u32(1).into() }"
        ));
        assert!(!leaks(
            "pub(crate) fn inner(&self) -> noq::Connection { self.0 }"
        ));
        assert!(!leaks(
            "pub struct A { pub id: u64, inner: noq::Connection }"
        ));
    }

    #[test]
    fn adapter_and_simulation_seam_may_show_the_engine() {
        let text = "pub fn engine() -> noq::Endpoint {}";
        assert_eq!(lines("crates/stt/src/transport/engine.rs", text), []);
        assert_eq!(lines("crates/stt-cli/src/main.rs", text), []);
        assert!(!leaks(&format!("#[cfg(feature = \"simulation\")]\n{text}")));
    }

    #[test]
    fn finding_names_the_line_of_the_item() {
        assert_eq!(
            lines("crates/stt/src/lib.rs", "//! x\n\npub use noq::VarInt;"),
            [3]
        );
    }
}
