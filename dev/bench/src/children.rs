//! One run: a server process and a client process, both this program, neither left behind.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{args::Run, scenarios::Outcome};

/// Runs both sides and returns what the client measured.
pub(crate) fn run(server: &Run, client: &Run) -> Result<Outcome> {
    let (server, ticket) = {
        let mut started = Started::new("server", server)?;
        let ticket = started.line(READY_WITHIN).context("server")?;
        (started, ticket)
    };
    let client = Run {
        server: server.child.id(),
        ..client.clone()
    };
    let mut started = Started::new("client", &client)?;
    let mut input = started.child.stdin.take().context("no input")?;
    writeln!(input, "{}", ticket.trim())?;
    drop(input);
    let limit = MEASURED_WITHIN + Duration::from_secs_f64(client.settings.seconds);
    let outcome = started.line(limit).context("client")?;
    Ok(serde_json::from_str(&outcome)?)
}

/// A process of ours. Killed when dropped.
struct Started {
    child: Child,
    output: Option<ChildStdout>,
}

impl Started {
    fn new(side: &str, run: &Run) -> Result<Self> {
        let mut child = Command::new(env::current_exe()?)
            .arg(side)
            .args(run.to_args())
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

const READY_WITHIN: Duration = Duration::from_secs(10);
const MEASURED_WITHIN: Duration = Duration::from_mins(1);
