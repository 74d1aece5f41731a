//! The full-size figures: what takes minutes, is not part of the gate, and is written to
//! `docs/results`, one page a program.
//!
//! A page has a table, and one scenario of it may be run alone: then its rows are replaced, and the
//! others stay. Each row says of which commit it is.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// A package whose program prints a page, what it is told before the scenario, and the page.
const PROGRAMS: [(&str, &str, &str); 1] = [("stt-dht-sim", "10000", "docs/results/dht.md")];

/// Runs each program, optimised, and keeps what it prints.
///
/// # Errors
/// The first program that does not build, or that finds that a figure is not what it should be. Its
/// page is written all the same.
pub(crate) fn run(root: &Path, scenario: Option<&str>) -> Result<()> {
    for (package, size, page) in PROGRAMS {
        println!("{package} -> {page}");
        let output = Command::new("cargo")
            .args([
                "run",
                "--release",
                "--locked",
                "--package",
                package,
                "--",
                size,
            ])
            .args(scenario)
            .current_dir(root)
            .env("STT_COMMIT", commit(root)?)
            // Hundreds of megabytes, looked at here and there: with large pages a sixth faster.
            .env("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot start cargo for {package}"))?;
        let path = root.join(page);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let printed = String::from_utf8(output.stdout)?;
        let known = fs::read_to_string(&path)
            .ok()
            .filter(|_| scenario.is_some());
        let written = known.map_or_else(|| printed.clone(), |known| merged(&known, &printed));
        if !printed.is_empty() {
            fs::write(&path, written).with_context(|| format!("cannot write {page}"))?;
        }
        if !output.status.success() {
            bail!("{package}: not all is as it should be, see {page}");
        }
    }
    Ok(())
}

/// The commit that is checked out; with a plus if the code is not that of the commit.
fn commit(root: &Path) -> Result<String> {
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(arguments)
            .current_dir(root)
            .output()
            .context("cannot start git")
    };
    let commit = String::from_utf8(git(&["rev-parse", "--short=7", "HEAD"])?.stdout)?;
    let is_clean = git(&[
        "diff",
        "--quiet",
        "HEAD",
        "--",
        "crates",
        "dev",
        "Cargo.lock",
    ])?
    .status
    .success();
    Ok(commit.trim().to_owned() + if is_clean { "" } else { "+" })
}

/// A page with the rows of another one in place of its own of the same names.
fn merged(known: &str, new: &str) -> String {
    let mut rows: Vec<&str> = new.lines().filter(|line| name(line).is_some()).collect();
    let names: Vec<_> = rows.iter().filter_map(|row| name(row)).collect();
    let mut lines = Vec::new();
    for line in known.lines() {
        if name(line).is_some_and(|name| names.contains(&name)) {
            lines.append(&mut rows);
        } else {
            lines.push(line);
        }
    }
    lines.append(&mut rows);
    lines.join("\n") + "\n"
}

/// What a row of the table is about; none of other lines.
fn name(line: &str) -> Option<&str> {
    let (name, _) = line.strip_prefix("| ")?.split_once(" |")?;
    (name != "scenario").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str =
        "# Page\n\n| scenario | figure |\n|---|---|\n| one | 1 |\n| one | 2 |\n| two | 3 |\n";

    #[test]
    fn rows_of_one_scenario_are_replaced_and_others_stay() {
        let new = "# Page\n\n| scenario | figure |\n|---|---|\n| one | 7 |\n| one | 8 |\n";
        let expected = PAGE.replace("| 1 |", "| 7 |").replace("| 2 |", "| 8 |");
        assert_eq!(merged(PAGE, new), expected);
    }

    #[test]
    fn rows_of_a_new_scenario_come_last() {
        let new = "| scenario | figure |\n|---|---|\n| three | 9 |\n";
        assert_eq!(merged(PAGE, new), format!("{PAGE}| three | 9 |\n"));
    }
}
