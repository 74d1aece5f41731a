//! The full-size figures: what takes minutes, is not part of the gate, and is written to
//! `docs/results`, one page a program.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// A package whose program prints a page, and the page.
const PROGRAMS: [(&str, &str); 1] = [("stt-dht-sim", "docs/results/dht.md")];

/// Runs each program, optimised, and keeps what it prints.
///
/// # Errors
/// The first program that does not build, or that finds that a figure is not what it should be. Its
/// page is written all the same.
pub(crate) fn run(root: &Path) -> Result<()> {
    for (package, page) in PROGRAMS {
        println!("{package} -> {page}");
        let output = Command::new("cargo")
            .args(["run", "--release", "--locked", "--package", package])
            .current_dir(root)
            // Hundreds of megabytes, looked at here and there: with large pages a sixth faster.
            .env("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot start cargo for {package}"))?;
        let path = root.join(page);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        if !output.stdout.is_empty() {
            fs::write(&path, &output.stdout).with_context(|| format!("cannot write {page}"))?;
        }
        if !output.status.success() {
            bail!("{package}: not all is as it should be, see {page}");
        }
    }
    Ok(())
}
