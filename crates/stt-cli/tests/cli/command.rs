//! A run of the command, and a place with a seed in it. Every wait has an end.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// Nothing here takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder of its own for each test.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    /// With a new random seed in `group.seed`.
    pub(crate) fn with_random_seed() -> Self {
        let place = Self::empty();
        let made = place.run(&["seed", "new", "--out", "group.seed"]);
        assert_eq!(made.code, 0, "{}", made.stderr);
        place
    }

    /// With a passphrase in `group.seed`.
    pub(crate) fn with_passphrase(words: &str) -> Self {
        let place = Self::empty();
        place.write_private("group.seed", &format!("passphrase:tests:{words}\n"));
        place
    }

    pub(crate) fn empty() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write_private(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        set_mode(&self.path(name), 0o600);
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        self.start_with(arguments, &[])
    }

    pub(crate) fn start_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stt"));
        command.current_dir(self.folder.path()).args(arguments);
        for name in ["STT_SEED", "STT_DATA_DIR", "STT_LOG"] {
            command.env_remove(name);
        }
        command.envs(variables.iter().copied());
        Running::of(command)
    }

    /// Runs to the end with nothing on standard input.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, &[])
    }

    pub(crate) fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        let mut running = self.start_with(arguments, variables);
        drop(running.stdin.take());
        running.end()
    }

    /// A listener on the loopback address, and where it is found.
    pub(crate) fn listen(&self, more: &[&str]) -> (Running, String) {
        let mut arguments = vec![
            "listen",
            "--seed-file",
            "group.seed",
            "--bind",
            "127.0.0.1:0",
        ];
        arguments.extend(more);
        let mut running = self.start(&arguments);
        let line = running.line("listening on ");
        let address = line.split(' ').nth(2).unwrap().to_owned();
        (running, address)
    }

    pub(crate) fn connect(&self, address: &str, more: &[&str]) -> Running {
        let mut arguments = vec!["connect", address, "--seed-file", "group.seed"];
        arguments.extend(more);
        self.start(&arguments)
    }
}

/// A process of the command; killed if the test forgets it.
pub(crate) struct Running {
    child: Child,
    pub(crate) stdin: Option<ChildStdin>,
    /// Taken by tests that read it themselves.
    pub(crate) stdout: Option<std::process::ChildStdout>,
    lines: mpsc::Receiver<String>,
    said: Vec<String>,
}

/// What a run left behind.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }
}

impl Running {
    fn of(mut command: Command) -> Self {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            stdin: child.stdin.take(),
            stdout: child.stdout.take(),
            child,
            lines,
            said: Vec::new(),
        }
    }

    /// Waits for a line on standard error that contains `part`.
    pub(crate) fn line(&mut self, part: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("no line with `{part}` in {:?}", self.said);
            };
            self.said.push(line.clone());
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Kills it as a crash would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, as a service manager does.
    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let killed = Command::new("kill").args([name, &id]).status().unwrap();
        assert!(killed.success());
    }

    /// Waits for the end and collects what it wrote.
    pub(crate) fn end(mut self) -> Ended {
        let reading = self.stdout.take().map(|mut stdout| {
            thread::spawn(move || {
                let mut bytes = Vec::new();
                stdout.read_to_end(&mut bytes).unwrap();
                bytes
            })
        });
        let until = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < until, "still runs; said {:?}", self.said);
            thread::sleep(Duration::from_millis(5));
        };
        self.said.extend(self.lines.iter());
        Ended {
            code: status.code().unwrap_or(-1),
            stdout: reading
                .map(|reading| reading.join().unwrap())
                .unwrap_or_default(),
            stderr: self.said.join("\n"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

pub(crate) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Bytes that look random and are the same for the same `salt`.
pub(crate) fn bytes(len: usize, salt: u64) -> Vec<u8> {
    let mut state = salt | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        // xorshift64, Marsaglia 2003
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
