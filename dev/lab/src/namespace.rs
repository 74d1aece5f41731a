//! One network namespace: a kernel's network stack of its own, for as long as somebody holds it.
//!
//! *Invariant, ours alone:* a namespace is called `stt-PID-LAB-NAME`, PID being the process that
//! made it. Nothing outside such names is ever changed, and one whose process lives is left alone.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Signal};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::error::{Attempt, LabError, Unavailable};
use crate::tools;

const PREFIX: &str = "stt-";
const FOLDER: &str = "/run/netns";

/// A namespace of this process. Dropping it kills what runs inside, and removes it.
#[derive(Debug)]
pub(crate) struct Namespace {
    name: String,
    handle: File,
}

impl Namespace {
    /// Makes the namespace `stt-PID-LAB-NAME`, with its loopback up and no other interface.
    pub(crate) fn create(lab: usize, name: &str) -> Result<Self, LabError> {
        let name = format!("{PREFIX}{}-{lab}-{name}", std::process::id());
        tools::ip(&format!("netns add {name}")).map_err(refused)?;
        let path = Path::new(FOLDER).join(&name);
        let handle = File::open(&path).attempt(format!("open {}", path.display()))?;
        let namespace = Self { name, handle };
        namespace.prepare()?;
        Ok(namespace)
    }

    fn prepare(&self) -> Result<(), LabError> {
        self.ip("link set lo up")?;
        // Addresses count at once: nobody else can hold them here. Links decide nothing by themselves.
        for family in ["default", "all"] {
            self.set(&format!("ipv6/conf/{family}/accept_dad"), "0")?;
            self.set(&format!("ipv6/conf/{family}/accept_ra"), "0")?;
            self.set(&format!("ipv4/conf/{family}/rp_filter"), "0")?;
        }
        Ok(())
    }

    /// Its name, as `ip netns` shows it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Runs lines of `ip` inside.
    pub(crate) fn ip(&self, lines: &str) -> Result<(), LabError> {
        tools::ip_batch(&self.name, lines)
    }

    /// Loads rules of `nft` inside.
    pub(crate) fn nft(&self, rules: &str) -> Result<String, LabError> {
        tools::nft(&self.name, rules)
    }

    /// Writes to `/proc/sys/net/…` inside.
    pub(crate) fn set(&self, key: &str, value: &str) -> Result<(), LabError> {
        let path = format!("/proc/sys/net/{key}");
        self.enter(|| fs::write(&path, value))?
            .attempt(format!("set {key} to {value} in {}", self.name))
    }

    /// Calls `work` on a thread of its own that is inside. What it opens stays inside for good.
    ///
    /// A panic of `work` is passed on.
    pub(crate) fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, LabError> {
        let inside = || -> io::Result<T> {
            move_into_link_name_space(self.handle.as_fd(), Some(LinkNameSpaceType::Network))?;
            Ok(work())
        };
        thread::scope(|scope| scope.spawn(inside).join())
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            .attempt(format!("enter {}", self.name))
    }

    /// Starts a thread that is inside. Waits until it is.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<JoinHandle<T>, LabError> {
        // A thread is where its parent is.
        self.enter(|| thread::spawn(work))
    }

    /// A command that will run inside.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

fn refused(error: LabError) -> LabError {
    match error {
        LabError::Refused { complaint, .. } => {
            LabError::Unavailable(Unavailable::Refused { complaint })
        }
        other => other,
    }
}

/// Removes what labs of processes that are no more have left behind.
pub(crate) fn remove_stale() {
    let entries = fs::read_dir(FOLDER).into_iter().flatten().flatten();
    for name in entries.filter_map(|entry| entry.file_name().into_string().ok()) {
        if owner(&name).is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            remove(&name);
        }
    }
}

/// The process that a name says has made the namespace.
fn owner(name: &str) -> Option<u32> {
    let mut parts = name.strip_prefix(PREFIX)?.splitn(3, '-');
    let pid = parts.next()?.parse().ok()?;
    parts.next()?.parse::<usize>().ok()?;
    parts.next().map(|_| pid)
}

/// Kills what is inside, then takes the name away. Somebody else may be doing the same.
fn remove(name: &str) {
    for pid in inmates(name) {
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
    let _ = tools::ip(&format!("netns del {name}"));
}

fn inmates(name: &str) -> Vec<Pid> {
    let own = rustix::process::getpid();
    let list = tools::ip(&format!("netns pids {name}")).unwrap_or_default();
    list.split_whitespace()
        .filter_map(|word| word.parse().ok().and_then(Pid::from_raw))
        .filter(|pid| *pid != own)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_a_lab_have_an_owner() {
        assert_eq!(owner("stt-123-0-internet"), Some(123));
        assert_eq!(owner("stt-123-0-a-b"), Some(123));
        for name in ["stt-123", "stt-x-0-a", "other-123-0-a", "stt-", "stt-1-a-b"] {
            assert_eq!(owner(name), None, "{name}");
        }
    }
}
