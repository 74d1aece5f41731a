//! The lab's tests on their own: the command they move bytes with is built first, and a machine that
//! cannot have a lab is an error. In the gate the same tests say that they are skipped, and pass.

use std::path::Path;

use anyhow::{Result, bail};

use crate::gate::cargo;

/// Runs the lab's tests, one at a time so that their figures are their own.
///
/// # Errors
/// If something does not build, or a test fails.
pub(crate) fn run(root: &Path, filter: Option<&str>) -> Result<()> {
    call(root, "build --locked --package stt-cli --bin stt", None)?;
    call(
        root,
        "test --locked --package stt-lab --all-targets -- --test-threads=1",
        filter,
    )
}

fn call(root: &Path, words: &str, filter: Option<&str>) -> Result<()> {
    let status = cargo()
        .args(words.split(' '))
        .args(filter)
        .env("STT_LAB", "required")
        .current_dir(root)
        .status()?;
    if !status.success() {
        bail!("cargo {words}: {status}");
    }
    Ok(())
}

/// Why this machine has no lab, if it has none.
#[cfg(target_os = "linux")]
pub(crate) fn missing() -> Option<String> {
    stt_lab::Lab::check().err().map(|reason| reason.to_string())
}

/// Why this machine has no lab.
#[cfg(not(target_os = "linux"))]
pub(crate) fn missing() -> Option<String> {
    Some("the lab needs Linux".into())
}
