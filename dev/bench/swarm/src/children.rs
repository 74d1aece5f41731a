//! One fetch: as many processes as there are providers, and one that fetches, none left behind.

use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::args::{Fetcher, Provider};
use crate::links::Home;
use crate::peers::Outcome;

/// Starts the providers, fetches from all of them, and returns what the fetcher measured. `ready` is called once the
/// providers are.
pub(crate) fn run(
    providers: &[(Home, Provider)],
    (home, fetcher): (&Home, &Fetcher),
    ready: impl FnOnce() -> Result<()>,
) -> Result<Outcome> {
    let mut serving = Vec::new();
    let mut tickets = String::new();
    for (home, provider) in providers {
        let mut started = Started::new(home, &provider.to_args())?;
        tickets += &started.line(READY_WITHIN).context("provider")?;
        serving.push(started);
    }
    ready()?;
    let fetcher = Fetcher {
        processes: serving.iter().map(|started| started.child.id()).collect(),
        ..fetcher.clone()
    };
    let mut started = Started::new(home, &fetcher.to_args())?;
    let mut input = started.child.stdin.take().context("no input")?;
    input.write_all(tickets.as_bytes())?;
    drop(input);
    let outcome = started.line(FETCHED_WITHIN).context("fetcher")?;
    Ok(serde_json::from_str(&outcome)?)
}

/// A process of ours. Killed when dropped.
struct Started {
    child: Child,
    output: Option<ChildStdout>,
}

impl Started {
    fn new(home: &Home, arguments: &[String]) -> Result<Self> {
        let mut child = home
            .command(&env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take();
        Ok(Self { child, output })
    }

    /// The one line it prints.
    fn line(&mut self, limit: Duration) -> Result<String> {
        let output = self.output.take().context("no output")?;
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(output).read_line(&mut line);
            // Nobody listens any more if it took too long.
            let _ = sender.send(read.map(|_| line));
        });
        let line = receiver
            .recv_timeout(limit)
            .with_context(|| format!("said nothing for {limit:?}"))??;
        ensure!(!line.is_empty(), "ended without a word");
        Ok(line)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A provider may have to fill its store first.
const READY_WITHIN: Duration = Duration::from_mins(2);
const FETCHED_WITHIN: Duration = Duration::from_mins(5);
