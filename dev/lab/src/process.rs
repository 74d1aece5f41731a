//! Programs on a host: their lines with the time each came, their end, and their certain death.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::error::{Attempt, LabError};

/// How often a wait for the end of a program looks.
const GLANCE: Duration = Duration::from_millis(5);

/// A program that is yet to run. Unless told otherwise its input is empty and its output is kept.
#[derive(Debug)]
pub struct Program {
    command: Command,
}

impl Program {
    pub(crate) fn new(mut command: Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self { command }
    }

    /// Adds a word to its command line.
    #[must_use]
    pub fn arg(mut self, word: impl AsRef<OsStr>) -> Self {
        self.command.arg(word);
        self
    }

    /// Adds words to its command line.
    #[must_use]
    pub fn args(mut self, words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(words);
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// Gives it a file, or an end of a pipe, to read.
    #[must_use]
    pub fn stdin(mut self, source: impl Into<Stdio>) -> Self {
        self.command.stdin(source);
        self
    }

    /// Sends its standard output to a file instead of keeping it as lines.
    #[must_use]
    pub fn stdout(mut self, target: File) -> Self {
        self.command.stdout(target);
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// [`LabError::Io`], if it cannot be started at all. That `ip` does not find it is seen only
    /// in its end.
    pub fn start(mut self) -> Result<Running, LabError> {
        let action = format!("start {:?}", self.command);
        let mut child = self.command.spawn().attempt(action)?;
        let log = Arc::new(Log::default());
        let stdout = child
            .stdout
            .take()
            .map(|pipe| log.follow(Source::Stdout, pipe));
        let stderr = child
            .stderr
            .take()
            .map(|pipe| log.follow(Source::Stderr, pipe));
        Ok(Running {
            child,
            log,
            readers: stdout.into_iter().chain(stderr).collect(),
            has_ended: false,
        })
    }
}

/// A program that runs on a host. Dropping it kills it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    log: Arc<Log>,
    readers: Vec<JoinHandle<()>>,
    has_ended: bool,
}

/// One line of a program's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it came.
    pub at: Instant,
    /// Where it came out.
    pub source: Source,
    /// What it says; what is not UTF-8 is replaced.
    pub text: String,
}

/// An output of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// Its standard output.
    Stdout,
    /// Its standard error.
    Stderr,
}

impl Running {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The lines it has written so far.
    pub fn lines(&self) -> Vec<Line> {
        self.log.lock().clone()
    }

    /// Its lines as one text, for the message of a test that fails.
    pub fn transcript(&self) -> String {
        let lines = self.lines();
        let texts = lines.into_iter().map(|line| line.text + "\n");
        texts.collect()
    }

    /// Waits until it has written a line that contains `text`; `None` when `patience` is over.
    pub fn line_with(&self, text: &str, patience: Duration) -> Option<Line> {
        self.log.wait_for(text, Instant::now() + patience)
    }

    /// Waits for its end and all its lines; `None` when `patience` is over and it still runs.
    ///
    /// # Errors
    /// [`LabError::Io`], if the kernel will not tell.
    pub fn wait(&mut self, patience: Duration) -> Result<Option<ExitStatus>, LabError> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().attempt("wait for a program")? {
                self.has_ended = true;
                for reader in self.readers.drain(..) {
                    let _ = reader.join();
                }
                return Ok(Some(status));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            thread::sleep(GLANCE);
        }
    }

    /// Asks it to end, as a service manager does.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends it without asking.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Suspends it, as a laptop's lid does.
    pub fn suspend(&self) {
        self.signal(Signal::STOP);
    }

    /// Wakes it again.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// To its own id only, which stays its own until it has been waited for.
    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(id) = id.filter(|_| !self.has_ended) {
            let _ = rustix::process::kill_process(id, signal);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// What a program has written.
#[derive(Debug, Default)]
struct Log {
    lines: Mutex<Vec<Line>>,
    grown: Condvar,
}

impl Log {
    fn follow(
        self: &Arc<Self>,
        source: Source,
        pipe: impl Read + Send + 'static,
    ) -> JoinHandle<()> {
        let log = self.clone();
        thread::spawn(move || log.read(source, BufReader::new(pipe)))
    }

    fn read(&self, source: Source, mut pipe: impl BufRead) {
        let mut bytes = Vec::new();
        while pipe.read_until(b'\n', &mut bytes).is_ok_and(|n| n > 0) {
            let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            let at = Instant::now();
            self.lock().push(Line { at, source, text });
            self.grown.notify_all();
            bytes.clear();
        }
    }

    fn wait_for(&self, text: &str, deadline: Instant) -> Option<Line> {
        let mut lines = self.lock();
        loop {
            if let Some(line) = lines.iter().find(|line| line.text.contains(text)) {
                return Some(line.clone());
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            lines = self
                .grown
                .wait_timeout(lines, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
