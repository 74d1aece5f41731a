//! Members as processes, that others can reach.

use std::{
    io::{BufRead, BufReader},
    thread,
    time::{Duration, Instant},
};

use crate::command::{Place, Running};

/// A member that others can reach, with a data dir of its own, and how to find it.
pub(crate) struct Member {
    pub(crate) running: Running,
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) id: String,
}

impl Member {
    pub(crate) fn start(place: &Place, name: &str, bootstrap: &[&str]) -> Self {
        Self::start_with(place, name, bootstrap, &[])
    }

    pub(crate) fn start_with(place: &Place, name: &str, bootstrap: &[&str], more: &[&str]) -> Self {
        let mut arguments = vec!["node", "--seed-file", "group.seed", "--reachable"];
        // What these tests show is not the local network's doing.
        arguments.extend(["--no-lan", "--no-port-mapping"]);
        arguments.extend(["--bind", "127.0.0.1:0", "--data-dir", name]);
        for address in bootstrap {
            arguments.extend(["--bootstrap", address]);
        }
        arguments.extend(more);
        let mut running = place.start(&arguments);
        let mut line = String::new();
        let mut stdout = BufReader::new(running.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let words: Vec<_> = line.trim().split(' ').collect();
        let ["listening", "on", address, "as", id] = words[..] else {
            panic!("{line:?}");
        };
        Self {
            running,
            name: name.into(),
            address: address.into(),
            id: id.into(),
        }
    }
}

/// Waits until the node of a data dir knows so many members.
pub(crate) fn wait_for_members(place: &Place, name: &str, count: usize) {
    let until = Instant::now() + Duration::from_secs(50);
    loop {
        let known = place.run(&["peers", "--data-dir", name]);
        if known.text().lines().count() >= count {
            return;
        }
        assert!(Instant::now() < until, "{}{}", known.text(), known.stderr);
        thread::sleep(Duration::from_millis(200));
    }
}
