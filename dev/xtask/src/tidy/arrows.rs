//! Rule: a crate depends only on the rooms below it, and only one crate knows the engine.
//!
//! Reads the dependencies that ship: `[dependencies]`, `[build-dependencies]` and their forms for
//! one target. Dev-dependencies are free. The table is in `rooms`.

use super::Finding;
use super::rooms::{self, ROOMS, Room, World};
use crate::tree::{File, Tree};

/// Crates of the project that no room may ship: tools for its own tests and chores.
const TOOLS: [&str; 3] = ["stt-dht-sim", "stt-sim", "xtask"];
const ENGINE: [&str; 3] = ["noq", "noq-proto", "noq-udp"];
/// What reaches for a clock, a socket, a thread or the system's randomness.
const WORLDLY: [&str; 5] = ["tokio", "mio", "socket2", "getrandom", "rand"];

/// Finds the dependencies that point up or sideways, or out of a pure crate into the world.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.files
        .iter()
        .filter(|file| is_manifest_of_a_room(&file.path))
        .flat_map(judge)
        .collect()
}

fn is_manifest_of_a_room(path: &str) -> bool {
    let inside = path
        .strip_prefix("crates/")
        .and_then(|path| path.strip_suffix("/Cargo.toml"));
    inside.is_some_and(|name| !name.contains('/'))
}

fn judge(file: &File) -> Vec<Finding> {
    let Some(room) = rooms::of_path(&file.path) else {
        let message = "this crate has no row in dev/xtask/src/tidy/rooms.rs".into();
        return vec![Finding::broken(&file.path, 1, message)];
    };
    shipped(&file.text)
        .into_iter()
        .filter_map(|(line, name)| {
            let reason = objection(room, &name)?;
            Some(Finding::broken(
                &file.path,
                line,
                format!("`{}` {reason} `{name}`", room.name),
            ))
        })
        .collect()
}

fn objection(room: &Room, dependency: &str) -> Option<&'static str> {
    let is_ours = TOOLS.contains(&dependency) || ROOMS.iter().any(|room| room.name == dependency);
    if is_ours && !room.may_know.contains(&dependency) {
        return Some("may not know");
    }
    match room.world {
        World::Engine => None,
        World::Pure if WORLDLY.contains(&dependency) => Some("is pure, so it may not use"),
        World::Pure | World::NoEngine => ENGINE
            .contains(&dependency)
            .then_some("does not touch the engine, so it may not use"),
    }
}

/// The dependencies that ship with a crate, each with its line, read from its manifest.
fn shipped(manifest: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut section = Section::Other;
    for (line, text) in (1..).zip(manifest.lines().map(str::trim)) {
        if let Some(header) = text.strip_prefix('[') {
            section = Section::read(header.trim_end_matches(']'));
            if let Section::One(name) = &section {
                found.push((line, name.clone()));
            }
        } else if section != Section::Other {
            found.extend(named_by(text, &section).map(|name| (line, name)));
        }
    }
    found
}

#[derive(Debug, PartialEq, Eq)]
enum Section {
    /// `[dependencies]`
    List,
    /// `[dependencies.name]`
    One(String),
    Other,
}

impl Section {
    fn read(header: &str) -> Self {
        let path = match header.strip_prefix("target.") {
            Some(target) => target.rsplit_once("'.").map_or(target, |(_, path)| path),
            None => header,
        };
        match path.split_once('.') {
            None if is_shipped(path) => Self::List,
            Some((list, name)) if is_shipped(list) => Self::One(unquoted(name)),
            _ => Self::Other,
        }
    }
}

fn is_shipped(list: &str) -> bool {
    ["dependencies", "build-dependencies"].contains(&list)
}

/// The crate that a line names: its real name if the line renames it, else its key in a list.
fn named_by(line: &str, section: &Section) -> Option<String> {
    let (key, value) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
    let key = unquoted(key.split('.').next()?);
    if key == "package" {
        return Some(unquoted(value));
    }
    let renamed = value
        .split_once("package")
        .and_then(|(_, rest)| rest.split('"').nth(1));
    (*section == Section::List).then(|| renamed.map_or(key, str::to_owned))
}

fn unquoted(text: &str) -> String {
    text.trim().trim_matches(['"', '\'']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(name: &str, manifest: &str) -> Vec<(usize, String)> {
        let path = format!("crates/{name}/Cargo.toml");
        let findings = check(&Tree::of(&[(&path, manifest)]));
        findings
            .into_iter()
            .map(|finding| (finding.line, finding.message))
            .collect()
    }

    fn is_tidy(name: &str, manifest: &str) -> bool {
        messages(name, manifest).is_empty()
    }

    #[test]
    fn arrow_may_point_down() {
        assert!(is_tidy(
            "stt",
            "[dependencies]\nstc.workspace = true\nnoq.workspace = true\n"
        ));
        assert!(is_tidy(
            "stt-cli",
            "[dependencies]\nstt = { path = \"../stt\" }\n"
        ));
    }

    #[test]
    fn arrow_may_not_point_up_or_sideways() {
        let upward = messages(
            "stt-wire",
            "[package]\n[dependencies]\nbytes = \"1\"\nstt.workspace = true",
        );
        assert_eq!(upward, [(4, "`stt-wire` may not know `stt`".into())]);
        assert!(!is_tidy(
            "stt-wire",
            "[dependencies]\nstc.workspace = true\n"
        ));
        assert!(!is_tidy(
            "stt-cli",
            "[dependencies]\nstc.workspace = true\n"
        ));
    }

    #[test]
    fn pure_crate_may_not_reach_for_the_world() {
        assert!(!is_tidy("stc", "[dependencies]\nrand = \"0.10\"\n"));
        assert!(!is_tidy("stc", "[dependencies.tokio]\nversion = \"1\"\n"));
        assert!(!is_tidy(
            "stt-dht",
            "[target.'cfg(unix)'.dependencies]\nmio = \"1\"\n"
        ));
        assert!(!is_tidy(
            "stc",
            "[build-dependencies]\ngetrandom = \"0.4\"\n"
        ));
    }

    #[test]
    fn only_one_crate_knows_the_engine() {
        assert!(is_tidy(
            "stt",
            "[dependencies]\nnoq-proto.workspace = true\n"
        ));
        assert!(!is_tidy(
            "stt-cli",
            "[dependencies]\nnoq.workspace = true\n"
        ));
    }

    #[test]
    fn renaming_hides_nothing() {
        assert!(!is_tidy(
            "stc",
            "[dependencies]\nio = { package = \"tokio\", version = \"1\" }\n"
        ));
        assert!(!is_tidy("stc", "[dependencies.io]\npackage = \"tokio\"\n"));
    }

    #[test]
    fn tests_may_know_what_they_like() {
        assert!(is_tidy(
            "stc",
            "[dev-dependencies]\nrand = \"0.10\"\nstt-sim.workspace = true\n"
        ));
        assert!(is_tidy(
            "stc",
            "[features]\ntokio = []\n[dependencies]\n# tokio = \"1\"\n"
        ));
    }

    #[test]
    fn crate_without_a_row_is_named() {
        assert!(!is_tidy("stt-extra", ""));
    }
}
