//! The gate: the steps a commit must pass, in order, stopping at the first that fails.
//!
//! *Invariant, nothing to prepare:* each step runs from a bare clone with the Rust toolchain and a
//! C compiler. A tool that only makes things faster (cargo-nextest) or guards something slow to
//! change (cargo-deny) is used when it is there and named when it is not.
//! *Invariant, the commit decides:* no step asks the network for today's opinion; so cargo-deny
//! runs without its advisories, and every cargo call is `--locked`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::tidy;

/// Runs every step on the checkout at `root` and prints how long each took.
///
/// # Errors
/// The first step that fails, by name.
pub(crate) fn run(root: &Path) -> Result<()> {
    let machine = Machine::observe(root);
    let start = Instant::now();
    let mut times = Vec::new();
    for step in steps(&machine) {
        let elapsed = timed(&step, root)?;
        times.push((step.name, elapsed));
    }
    println!("\neverything passed in {}", seconds(start.elapsed()));
    for (name, elapsed) in times {
        println!("{:>10}  {name}", seconds(elapsed));
    }
    Ok(())
}

fn timed(step: &Step, root: &Path) -> Result<Duration> {
    println!("\n== {}: {}", step.name, step.action.describe());
    let start = Instant::now();
    step.action.run(root).with_context(|| {
        format!(
            "step `{}` failed after {}",
            step.name,
            seconds(start.elapsed())
        )
    })?;
    let elapsed = start.elapsed();
    println!("-- {}: {}", step.name, seconds(elapsed));
    Ok(elapsed)
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// The steps of the gate on this machine. Pure: what the machine has comes in as an argument.
fn steps(machine: &Machine) -> Vec<Step> {
    let mut steps = vec![
        Step::cargo("format", "fmt --all --check"),
        Step::cargo(
            "clippy",
            "clippy --workspace --all-targets --all-features --locked -- -D warnings",
        ),
        Step::cargo("tests", tests(machine)),
        Step::cargo(
            "doc tests",
            "test --workspace --doc --all-features --locked",
        ),
        Step::cargo("docs", "doc --workspace --no-deps --all-features --locked"),
    ];
    if machine.has_fuzz {
        steps.push(Step::cargo(
            "fuzz bodies",
            "test --manifest-path fuzz/Cargo.toml --locked",
        ));
    }
    if let Some(reason) = &machine.no_lab {
        steps.push(Step {
            name: "lab",
            action: Action::Skip(reason.clone()),
        });
    }
    if let Some(reason) = &machine.no_interop {
        steps.push(Step {
            name: "other implementations",
            action: Action::Skip(reason.clone()),
        });
    }
    steps.push(Step {
        name: "tidy",
        action: Action::Tidy,
    });
    steps.push(supply_chain(machine));
    steps
}

fn tests(machine: &Machine) -> &'static str {
    if machine.has_nextest {
        "nextest run --workspace --all-features --locked"
    } else {
        "test --workspace --all-features --locked --lib --bins --tests --examples"
    }
}

fn supply_chain(machine: &Machine) -> Step {
    const NAME: &str = "deny";
    if machine.has_deny {
        Step::cargo(
            NAME,
            "deny --all-features --locked check bans licenses sources",
        )
    } else {
        Step {
            name: NAME,
            action: Action::Skip("cargo-deny is not installed".into()),
        }
    }
}

/// What the gate needs to know about the machine it runs on.
#[derive(Debug, Default)]
struct Machine {
    has_nextest: bool,
    has_deny: bool,
    has_fuzz: bool,
    /// Why the lab's tests, which are among all others, can test nothing here.
    no_lab: Option<String>,
    /// Why there are no programs of others here, which some tests talk to.
    no_interop: Option<String>,
}

impl Machine {
    fn observe(root: &Path) -> Self {
        Self {
            has_nextest: has_cargo_command("nextest"),
            has_deny: has_cargo_command("deny"),
            has_fuzz: root.join("fuzz/Cargo.toml").exists(),
            no_lab: crate::lab::missing(),
            no_interop: stt_interop::python()
                .and_then(|_| stt_interop::nginx())
                .err()
                .map(|reason| reason.to_string()),
        }
    }
}

fn has_cargo_command(name: &str) -> bool {
    cargo()
        .args([name, "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The cargo that runs us.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

#[derive(Debug)]
struct Step {
    name: &'static str,
    action: Action,
}

impl Step {
    /// A cargo call; its words are separated by spaces.
    fn cargo(name: &'static str, words: &'static str) -> Self {
        Self {
            name,
            action: Action::Cargo(words),
        }
    }
}

#[derive(Debug)]
enum Action {
    Cargo(&'static str),
    Tidy,
    Skip(String),
}

impl Action {
    fn describe(&self) -> String {
        match self {
            Self::Cargo(words) => format!("cargo {words}"),
            Self::Tidy => "the rules of the house".into(),
            Self::Skip(reason) => format!("skipped: {reason}"),
        }
    }

    fn run(&self, root: &Path) -> Result<()> {
        match self {
            Self::Cargo(words) => run_cargo(words, root),
            Self::Tidy => tidy::run(root),
            Self::Skip(_) => Ok(()),
        }
    }
}

fn run_cargo(words: &str, root: &Path) -> Result<()> {
    let status = cargo()
        .args(words.split(' '))
        .env("CARGO_TARGET_DIR", target_dir(root))
        .env("RUSTDOCFLAGS", "-D warnings")
        .current_dir(root)
        .status()
        .context("cannot start cargo")?;
    if !status.success() {
        bail!("cargo ended with {status}");
    }
    Ok(())
}

/// One for every step, so that the fuzz workspace finds its dependencies already built.
fn target_dir(root: &Path) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(machine: &Machine) -> Vec<String> {
        steps(machine)
            .iter()
            .map(|step| step.action.describe())
            .collect()
    }

    #[test]
    fn bare_clone_needs_only_the_toolchain() {
        let lines = lines(&Machine::default());
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with("cargo test --workspace --all-features"))
        );
        assert!(
            lines
                .iter()
                .all(|line| !line.contains("nextest") && !line.contains("fuzz"))
        );
        assert!(lines.contains(&"skipped: cargo-deny is not installed".into()));
    }

    #[test]
    fn cheap_steps_come_before_dear_ones() {
        let machine = Machine {
            has_fuzz: true,
            ..Machine::default()
        };
        let names: Vec<_> = steps(&machine).iter().map(|step| step.name).collect();
        assert_eq!(
            names,
            [
                "format",
                "clippy",
                "tests",
                "doc tests",
                "docs",
                "fuzz bodies",
                "tidy",
                "deny"
            ]
        );
    }

    #[test]
    fn tests_that_test_nothing_are_named() {
        let machine = Machine {
            no_lab: Some("it needs root".into()),
            no_interop: Some("it needs Python".into()),
            ..Machine::default()
        };
        for reason in ["skipped: it needs root", "skipped: it needs Python"] {
            assert!(lines(&machine).contains(&reason.into()));
            assert!(!lines(&Machine::default()).contains(&reason.into()));
        }
    }

    #[test]
    fn nextest_is_used_where_it_is_installed() {
        let machine = Machine {
            has_nextest: true,
            ..Machine::default()
        };
        assert!(
            lines(&machine)
                .contains(&"cargo nextest run --workspace --all-features --locked".into())
        );
    }

    #[test]
    fn every_cargo_call_that_resolves_dependencies_is_locked() {
        let machine = Machine {
            has_fuzz: true,
            has_deny: true,
            ..Machine::default()
        };
        for line in lines(&machine)
            .iter()
            .filter(|line| line.starts_with("cargo"))
        {
            assert!(line.contains("--locked") || line.contains("fmt"), "{line}");
        }
    }
}
