//! Rule: a pure crate asks the system for nothing; time, randomness and bytes are its arguments.
//!
//! Looks at the code that ships, not at tests. Named exception: a KEM draws its own randomness
//! inside the cryptography library, where no source here can see it.

use super::rooms::{self, World};
use super::{Finding, gated, words};
use crate::tree::{File, Tree};

/// Word and what a pure crate takes instead.
const WORLDLY: [(&str, &str); 13] = [
    ("Instant", "time comes in as an argument"),
    ("SystemTime", "time comes in as an argument"),
    ("UdpSocket", "bytes come in as an argument"),
    ("TcpStream", "bytes come in as an argument"),
    ("TcpListener", "bytes come in as an argument"),
    ("std::thread", "the caller has the threads"),
    ("thread::spawn", "the caller has the threads"),
    ("OsRng", "randomness comes in as an argument"),
    ("thread_rng", "randomness comes in as an argument"),
    ("SystemRandom", "randomness comes in as an argument"),
    ("await", "a machine answers at once"),
    ("tokio", "a machine answers at once"),
    ("noq", "the engine is known to crates/stt only"),
];

/// Finds clocks, sockets, threads and randomness in the sources of pure crates.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let tests = gated::closed_modules(tree, gated::is_test);
    tree.rust()
        .filter(|file| is_pure_source(&file.path) && !gated::is_inside(&file.path, &tests))
        .flat_map(judge)
        .collect()
}

fn is_pure_source(path: &str) -> bool {
    let is_pure = rooms::of_path(path).is_some_and(|room| room.world == World::Pure);
    is_pure && path.split('/').nth(2) == Some("src")
}

fn judge(file: &File) -> Vec<Finding> {
    let code = gated::open_code(file, gated::is_test);
    let find = |(word, instead): (&str, &str)| {
        let message = format!("`{word}` in a pure crate: {instead}");
        words::offsets(&code, word)
            .map(|offset| Finding::broken_at(file, offset, message.clone()))
            .collect::<Vec<_>>()
    };
    WORLDLY.into_iter().flat_map(find).collect()
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
    fn pure_crate_may_not_read_the_clock() {
        let text = "//! Seeds.\nuse std::time::{Duration, Instant};\n";
        assert_eq!(lines("crates/stc/src/seed.rs", text), [2]);
        assert_eq!(lines("crates/stt-wire/src/frame/mod.rs", text), [2]);
        assert!(lines("crates/stt/src/lib.rs", text).is_empty());
    }

    #[test]
    fn duration_is_no_clock() {
        assert!(lines("crates/stc/src/seed.rs", "use std::time::Duration;").is_empty());
    }

    #[test]
    fn tests_and_words_about_the_world_are_free() {
        let text =
            "// tokio\nconst X: &str = \"noq\";\n#[cfg(test)]\nmod tests { use std::thread; }";
        assert!(lines("crates/stc/src/seed.rs", text).is_empty());
        assert!(lines("crates/stc/tests/seed.rs", "use std::thread;").is_empty());
    }

    #[test]
    fn file_of_a_test_module_is_free() {
        let tree = Tree::of(&[
            ("crates/stc/src/lib.rs", "#[cfg(test)]\nmod model;"),
            ("crates/stc/src/model.rs", "use std::time::Instant;"),
        ]);
        assert_eq!(check(&tree), []);
    }
}
