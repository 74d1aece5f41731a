//! The rooms under `crates/`: which may know which, and which are pure. Dependencies point down.
//!
//! ```text
//! stt-cli -> stt -> { stt-dht, stt-store } -> { stt-wire, stc }
//! stt-cli -------------------> stt-store
//! ```
//!
//! The picture and its reasons are in ARCHITECTURE.md; this table is what the gate believes.

/// One crate under `crates/`.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) name: &'static str,
    /// The crates of the workspace that it may depend on.
    pub(crate) may_know: &'static [&'static str],
    pub(crate) world: World,
}

/// How much of the world outside its arguments a crate may touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum World {
    /// None: no clock, no socket, no randomness, no threads, no await.
    Pure,
    /// Files and threads, but no network engine.
    NoEngine,
    /// Everything. There is one such crate.
    Engine,
}

/// The table. A crate that is not in it has no place yet.
pub(crate) const ROOMS: [Room; 6] = [
    Room {
        name: "stc",
        may_know: &[],
        world: World::Pure,
    },
    Room {
        name: "stt-wire",
        may_know: &[],
        world: World::Pure,
    },
    Room {
        name: "stt-dht",
        may_know: &["stc", "stt-wire"],
        world: World::Pure,
    },
    Room {
        name: "stt-store",
        may_know: &["stc", "stt-wire"],
        world: World::NoEngine,
    },
    Room {
        name: "stt",
        may_know: &["stc", "stt-wire", "stt-dht", "stt-store"],
        world: World::Engine,
    },
    Room {
        name: "stt-cli",
        may_know: &["stt", "stt-store"],
        world: World::NoEngine,
    },
];

/// The room that a path lies in, if it lies in one.
pub(crate) fn of_path(path: &str) -> Option<&'static Room> {
    let name = path.strip_prefix("crates/")?.split('/').next()?;
    ROOMS.iter().find(|room| room.name == name)
}
