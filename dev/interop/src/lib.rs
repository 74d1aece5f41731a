//! Programs of others for tests to talk to: a Python that has `websockets`, an implementation of
//! RFC 6455 that shares nothing with ours, and `kosoku`, which runs the cases of the Autobahn test suite
//! (the suite itself still needs Python 2); and nginx, behind which a node may listen.
//!
//! Those in Python are installed from `PyPI`, in one version each, into `target/interop`, by whoever needs it first;
//! nginx is the machine's, or comes from Debian into the same place. Where that cannot be, tests say that they are skipped, and why; with `STT_INTEROP=required` in the
//! environment they fail.

mod nginx;

use std::{
    env,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

pub use nginx::{nginx, nginx_or_skip};

/// Why there is no such program here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Missing {
    /// What it is installed with is not there, or says no.
    #[error("{command}: {said}")]
    Command {
        /// What was tried.
        command: String,
        /// The last that it said.
        said: String,
    },
    /// There is no place for it.
    #[error("no place for it: {0}")]
    Place(#[from] io::Error),
}

/// A Python interpreter that has them. Takes seconds when it is asked for the first time.
///
/// # Errors
///
/// [`Missing`], and why.
pub fn python() -> Result<PathBuf, Missing> {
    let place = made_once(&PACKAGES.join("+"), install)?;
    Ok(interpreter_in(&place))
}

/// What [`python`] gives, or nothing where a test passes over; says so then.
///
/// # Errors
///
/// [`Missing`], where that is not allowed.
pub fn python_or_skip() -> Result<Option<PathBuf>, Missing> {
    or_skip(python())
}

fn or_skip(found: Result<PathBuf, Missing>) -> Result<Option<PathBuf>, Missing> {
    match found {
        Ok(program) => Ok(Some(program)),
        Err(reason) if !is_required() => {
            // Nobody to tell is no reason to fail.
            let _ = writeln!(io::stderr(), "SKIPPED, nothing was tested: {reason}");
            Ok(None)
        }
        Err(reason) => Err(reason),
    }
}

/// A folder of ours, made by whoever needs it first. What was left unfinished is made again.
fn made_once(
    name: &str,
    make: impl FnOnce(&Path) -> Result<(), Missing>,
) -> Result<PathBuf, Missing> {
    let home = home();
    fs::create_dir_all(&home)?;
    let place = home.join(name);
    // Of tests that run at a time one makes it, and the others wait.
    let lock = File::create(home.join(format!("{name}.lock")))?;
    lock.lock()?;
    if !place.exists() {
        let unfinished = home.join(format!("{name}.unfinished"));
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)?;
        }
        make(&unfinished)?;
        fs::rename(&unfinished, &place)?;
    }
    Ok(place)
}

fn is_required() -> bool {
    env::var_os("STT_INTEROP").is_some_and(|value| value == "required")
}

fn install(place: &Path) -> Result<(), Missing> {
    call(Command::new("python3").args(["-m", "venv"]).arg(place))?;
    let pip = ["-m", "pip", "install", "--quiet", "--retries", "1"];
    let flags = ["--disable-pip-version-check", "--only-binary", ":all:"];
    let mut command = Command::new(interpreter_in(place));
    call(command.args(pip).args(flags).args(PACKAGES))
}

fn call(command: &mut Command) -> Result<(), Missing> {
    let output = command.stdin(Stdio::null()).output();
    let failure = |said: String| Missing::Command {
        command: format!("{command:?}"),
        said,
    };
    let output = output.map_err(|error| failure(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    Err(failure(last.unwrap_or("said nothing").to_owned()))
}

fn interpreter_in(place: &Path) -> PathBuf {
    place.join(if cfg!(windows) {
        "Scripts/python.exe"
    } else {
        "bin/python"
    })
}

fn home() -> PathBuf {
    let ours = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(ours, PathBuf::from);
    target.join("interop")
}

/// As pip calls them.
const PACKAGES: [&str; 2] = ["websockets==17.4", "kosoku==0.1.0"];
