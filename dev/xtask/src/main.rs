//! `cargo xtask`: the project's own chores, in Rust so that they need nothing but the toolchain.
//!
//! ```text
//! cargo xtask test   everything that guards a commit, in order, stops at the first failure
//! cargo xtask tidy   only the rules of the house that no compiler knows
//! cargo xtask long   the full-size figures, written to docs/results
//! cargo xtask lab    the lab's tests, as root, and none of them skipped
//! ```
//!
//! `gate` says which steps a commit must pass, `tidy` holds one rule a file, `tree` is the
//! checkout as those rules see it, and `lexer` tells code from comments and literals.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command talks to its user"
)]

mod gate;
mod lab;
mod lexer;
mod long;
mod tidy;
mod tree;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let root = workspace_root()?;
    match &arguments.chore {
        Chore::Test => gate::run(&root),
        Chore::Tidy => tidy::run(&root),
        Chore::Long { scenario } => long::run(&root, scenario.as_deref()),
        Chore::Lab { filter } => lab::run(&root, filter.as_deref()),
    }
}

/// The project's chores. Run from anywhere inside the checkout.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Everything that guards a commit: format, clippy, tests, doc tests, fuzz bodies, tidy
    Test,
    /// The rules of the house that no compiler knows: layout, arrows, purity, names, links
    Tidy,
    /// The full-size figures, written to docs/results; takes minutes
    Long {
        /// Only this one: its rows of the page are replaced
        scenario: Option<String>,
    },
    /// The tests on real kernels in namespaces; needs root, Linux, iproute2 and nftables
    Lab {
        /// Only those whose names contain this
        filter: Option<String>,
    },
}

/// The folder that holds the workspace's Cargo.toml, found from this crate's own place in it.
fn workspace_root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here
        .ancestors()
        .nth(2)
        .context("xtask lies two folders below the workspace")?;
    Ok(root.to_path_buf())
}
