//! How fast `stt forward` carries bytes on this machine, beside a plain TCP proxy, in turns.
//!
//! ```sh
//! cargo build --release -p stt-cli
//! cargo run --release -p stt-cli --example forward_rate -- target/release/stt 1024 3
//! ```
//!
//! The arguments are the command, MiB a transfer, and rounds. Each round sends so much through the
//! plain proxy, then through the forward, then has 1,000 connections at a time echo 1 KiB each.

use std::{
    env, fs,
    io::{BufRead, BufReader, Error, Read, Result, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["proxy", target] => proxy(parse(target)?),
        [stt, mebibytes, rounds] => compare(stt, parse(mebibytes)?, parse(rounds)?),
        _ => Err(Error::other("give the command stt, MiB and rounds")),
    }
}

fn parse<T: std::str::FromStr>(text: &str) -> Result<T> {
    let parsed = text.parse();
    parsed.map_err(|_| Error::other(format!("{text} is not what it should be")))
}

fn compare(stt: &str, mebibytes: usize, rounds: usize) -> Result<()> {
    let (sink, echo) = (serve(count_all)?, serve(send_back)?);
    let folder = tempfile::tempdir()?;
    let stt = fs::canonicalize(stt)?;
    let plain = Started::plain(sink)?;
    let forward = Forward::start(&stt, folder.path(), sink)?;
    let echoing = Forward::start(&stt, folder.path(), echo)?;
    let mut out = std::io::stdout().lock();
    for round in 1..=rounds {
        let proxy = rate(plain.at, mebibytes)?;
        let carried = rate(forward.local.at, mebibytes)?;
        let many = many(echoing.local.at)?;
        writeln!(
            out,
            "round {round}: plain proxy {proxy:.2} Gbit/s, forward {carried:.2} Gbit/s, ratio {:.2}; \
             1,000 connections at a time in {many:.2?}",
            carried / proxy
        )?;
    }
    Ok(())
}

/// Gbit/s of a transfer, from the first byte to the word that all has come.
fn rate(to: SocketAddr, mebibytes: usize) -> Result<f64> {
    let piece = vec![7; 1 << 20];
    let begun = Instant::now();
    let mut stream = TcpStream::connect(to)?;
    for _ in 0..mebibytes {
        stream.write_all(&piece)?;
    }
    stream.shutdown(Shutdown::Write)?;
    let mut counted = [0; 8];
    stream.read_exact(&mut counted)?;
    let counted = u64::from_le_bytes(counted);
    if counted != (mebibytes as u64) << 20 {
        return Err(Error::other(format!("{counted} bytes have come")));
    }
    Ok(counted as f64 * 8.0 / begun.elapsed().as_secs_f64() / 1e9)
}

/// Time until 1,000 connections, all open before any of them sends, have had an answer.
fn many(to: SocketAddr) -> Result<Duration> {
    let begun = Instant::now();
    let streams: Result<Vec<_>> = (0..1_000).map(|_| TcpStream::connect(to)).collect();
    let mut streams = streams?;
    for (salt, stream) in streams.iter_mut().enumerate() {
        stream.write_all(&[salt as u8; 1_024])?;
    }
    for (salt, stream) in streams.iter_mut().enumerate() {
        let mut answer = [0; 1_024];
        stream.read_exact(&mut answer)?;
        if answer != [salt as u8; 1_024] {
            return Err(Error::other("an answer of another connection"));
        }
    }
    Ok(begun.elapsed())
}

/// Serves each connection on a thread of its own.
fn serve(one: fn(&TcpStream) -> Result<()>) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let at = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || one(&stream));
        }
    });
    Ok(at)
}

fn count_all(mut stream: &TcpStream) -> Result<()> {
    let (mut buffer, mut counted) = (vec![0; 1 << 20], 0);
    loop {
        match stream.read(&mut buffer)? {
            0 => return stream.write_all(&u64::to_le_bytes(counted)),
            len => counted += len as u64,
        }
    }
}

fn send_back(stream: &TcpStream) -> Result<()> {
    let (mut from, mut to) = (stream, stream);
    let mut buffer = vec![0; 16 << 10];
    loop {
        match from.read(&mut buffer)? {
            0 => return stream.shutdown(Shutdown::Write),
            len => to.write_all(&buffer[..len])?,
        }
    }
}

/// What a plain proxy does at best: tokio's own copy, with a thread a core.
fn proxy(target: SocketAddr) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async move {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let at = listener.local_addr()?;
        writeln!(std::io::stderr(), "forwarding {at} to {target}")?;
        loop {
            let (mut here, _) = listener.accept().await?;
            tokio::spawn(async move {
                let mut there = tokio::net::TcpStream::connect(target).await?;
                let size = 64 << 10;
                tokio::io::copy_bidirectional_with_sizes(&mut here, &mut there, size, size).await
            });
        }
    })
}

/// A process that says on standard error where it is.
struct Started {
    process: Child,
    at: SocketAddr,
}

impl Started {
    fn of(command: &mut Command, word: usize) -> Result<Self> {
        let mut process = command.stderr(Stdio::piped()).spawn()?;
        let said = process
            .stderr
            .take()
            .ok_or_else(|| Error::other("no pipe"))?;
        let mut lines = BufReader::new(said).lines();
        let found = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let at = line.split(' ').nth(word)?;
            at.parse().ok()
        });
        // Read on, or it could not write.
        thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let at = found.ok_or_else(|| Error::other("it did not say where it is"))?;
        Ok(Self { process, at })
    }

    fn plain(target: SocketAddr) -> Result<Self> {
        let mut itself = Command::new(env::current_exe()?);
        Self::of(itself.args(["proxy", &target.to_string()]), 1)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Both sides of a forward.
struct Forward {
    _serving: Started,
    local: Started,
}

impl Forward {
    fn start(stt: &Path, folder: &Path, target: SocketAddr) -> Result<Self> {
        let seed = folder.join("group.seed");
        if !seed.exists() {
            let mut make = Command::new(stt);
            make.args(["seed", "new", "--out"]).arg(&seed);
            make.stdout(Stdio::null()).status()?;
        }
        let stt = || {
            let mut command = Command::new(stt);
            command.arg("forward").arg("--seed-file").arg(&seed);
            command
        };
        let mut serving = stt();
        serving.args(["--bind", "127.0.0.1:0", "--serve", &target.to_string()]);
        let serving = Started::of(&mut serving, 2)?;
        let mut local = stt();
        local.args(["127.0.0.1:0", &serving.at.to_string()]);
        let local = Started::of(&mut local, 1)?;
        Ok(Self {
            _serving: serving,
            local,
        })
    }
}
