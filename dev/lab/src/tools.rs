//! The three commands the lab is made with: `ip`, `nft`, `tc`. Each gets its orders on standard input.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::error::{Attempt, LabError, Unavailable};

/// Programs without which there is no lab, and the Debian packages that have them.
const NEEDED: [(&str, &str); 2] = [("ip", "iproute2"), ("nft", "nftables")];

/// Whether this machine can have a lab.
pub(crate) fn check() -> Result<(), LabError> {
    if !rustix::process::geteuid().is_root() {
        return Err(LabError::Unavailable(Unavailable::NotRoot));
    }
    let missing = NEEDED.into_iter().find(|(program, _)| !starts(program));
    missing.map_or(Ok(()), |(program, package)| {
        Err(LabError::Unavailable(Unavailable::Missing {
            program,
            package,
        }))
    })
}

fn starts(program: &str) -> bool {
    Command::new(program)
        .arg("-V")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}

/// Runs `ip` with some words.
pub(crate) fn ip(words: &str) -> Result<String, LabError> {
    run(Command::new("ip").args(words.split_whitespace()), words, "")
}

/// Runs lines of `ip` inside a namespace, as one batch; the first that fails ends it.
pub(crate) fn ip_batch(namespace: &str, lines: &str) -> Result<(), LabError> {
    let mut command = Command::new("ip");
    command.args(["-netns", namespace, "-batch", "-"]);
    run(&mut command, lines, lines).map(drop)
}

/// Loads rules into the tables of a namespace, all or none.
pub(crate) fn nft(namespace: &str, rules: &str) -> Result<String, LabError> {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace, "nft", "-f", "-"]);
    run(&mut command, rules, rules)
}

fn run(command: &mut Command, orders: &str, input: &str) -> Result<String, LabError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = finished(command, input).attempt(format!("run `{program} {orders}`"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(LabError::Refused {
        command: format!("{program} {}", orders.trim()),
        complaint: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

fn finished(command: &mut Command, input: &str) -> std::io::Result<Output> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // Orders are shorter than a pipe's buffer; a program that ends early says why itself.
        let _ = stdin.write_all(input.as_bytes());
    }
    child.wait_with_output()
}
