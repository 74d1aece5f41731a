//! What may be asked of the command, as clap understands it. Texts with examples are in [`examples`].

mod bind;
mod content;
mod doctor;
mod examples;
mod forward;
mod host_port;
mod network;
mod node;
mod object;
mod peer;
mod reachable;
mod store;

use std::{
    env,
    ffi::{OsStr, OsString},
    path::PathBuf,
    time::Duration,
};

use clap::{
    Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueHint,
    builder::Resettable,
    error::{Error, ErrorKind},
};
use clap_complete::Shell;
use stt::{Limits, NodeId};

pub(crate) use bind::Bind;
pub(crate) use content::{Obtain, Offer, Replicate, Terms};
pub(crate) use doctor::Examine;
pub(crate) use forward::{Destination, Entrance, Forward, ForwardBounds, Served, ServiceName};
pub(crate) use host_port::HostPort;
pub(crate) use network::{Find, Network, Sought};
pub(crate) use node::Run;
use object::amount;
pub(crate) use object::{ByteRange, ObjectName};
pub(crate) use peer::{PeerPlace, Place};
pub(crate) use reachable::{LanPort, Reachable};
pub(crate) use store::{Get, Objects, Put, RotateKey, Store, StoreAction, StorePlace};

use crate::{exit::Failure, status::Status};

/// Encrypted pipes between peers that share a seed, and an encrypted store
///
/// One shared seed is the whole network: no server, no certificates, no account. A node with a
/// random seed answers nobody who does not hold it.
#[derive(Debug, Parser)]
#[command(name = "stt", version, after_help = examples::after_root(), max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Keep this node's identity and store here; without it, each run is somebody new
    #[arg(long, global = true, value_name = "DIR", env = "STT_DATA_DIR", value_hint = ValueHint::DirPath)]
    pub(crate) data_dir: Option<PathBuf>,

    /// Write status and answers as JSON, one object a line
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Log what the library does to standard error, such as `--log info`
    #[arg(long, global = true, value_name = "FILTER", env = "STT_LOG")]
    pub(crate) log: Option<String>,
}

impl Cli {
    /// What this process was asked. Help, and what makes no sense, end it here.
    pub(crate) fn read() -> Self {
        let mut command = Self::command();
        // An empty variable is how many a script and service file spells one that is not set.
        for (argument, variable) in [("data_dir", "STT_DATA_DIR"), ("log", "STT_LOG")] {
            if env::var_os(variable).is_some_and(|value| value.is_empty()) {
                command = command.mut_arg(argument, |argument| argument.env(Resettable::Reset));
            }
        }
        let arguments: Vec<OsString> = env::args_os().collect();
        let matches = command.try_get_matches_from_mut(&arguments);
        let read = matches.and_then(|matches| Self::from_arg_matches(&matches));
        read.unwrap_or_else(|error| refuse(&error.format(&mut command), &arguments))
    }
}

/// Says what makes no sense, as a program wants to read it if it does.
fn refuse(error: &Error, arguments: &[OsString]) -> ! {
    let options = arguments
        .split(|argument| argument == OsStr::new("--"))
        .next();
    let is_json = options.is_some_and(|options| options.contains(&"--json".into()));
    if !is_json || !error.use_stderr() {
        error.exit();
    }
    let failure = Failure::usage(sentence_of(error));
    Status::Json.failed(&failure);
    std::process::exit(failure.exit.code());
}

/// What is wrong, without the usage that is shown to a person.
fn sentence_of(error: &Error) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "a command is missing".into();
    }
    let text = error.render().to_string();
    let end = ["\n\nUsage:", "\n\nFor more"]
        .iter()
        .filter_map(|mark| text.find(mark))
        .min();
    let text = &text[..end.unwrap_or(text.len())];
    let text = text.strip_prefix("error: ").unwrap_or(text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make, extend or check the seed of a group
    #[command(subcommand, after_help = examples::SEED)]
    Seed(Seed),

    /// Print who this node is: its node id
    #[command(after_help = examples::ID)]
    Id,

    /// Wait for a peer: standard input goes to it, its bytes to standard output
    #[command(after_help = examples::LISTEN)]
    Listen(Listen),

    /// Reach a peer: standard input goes to it, its bytes to standard output
    #[command(after_help = examples::CONNECT)]
    Connect(Connect),

    /// Carry TCP connections of other programs to what a peer serves
    #[command(after_help = examples::FORWARD, override_usage = examples::FORWARD_USAGE)]
    Forward(Box<Forward>),

    /// Run a node until it is stopped: members reach it, and what it is told to serve
    #[command(after_help = examples::NODE)]
    Node(Run),

    /// Store an object and let members get it, until interrupted; prints its address
    #[command(after_help = examples::OFFER)]
    Put(Offer),

    /// Have other members keep copies of an object, sealed unless told otherwise
    #[command(after_help = examples::REPLICATE)]
    Replicate(Replicate),

    /// Get an object from all members that have it, block by block
    #[command(after_help = examples::OBTAIN)]
    Get(Obtain),

    /// Say what this network lets through, and whether a direct path to a peer will work
    #[command(after_help = examples::DOCTOR)]
    Doctor(Box<Examine>),

    /// Print the members of the group that a node knows, and where they are
    #[command(after_help = examples::PEERS)]
    Peers(Network),

    /// Find where a member is, or who has some content
    #[command(after_help = examples::FIND)]
    Find(Find),

    /// Keep bytes encrypted on this machine: they go in, an address comes out and brings them back
    #[command(after_help = examples::STORE)]
    Store(Store),

    /// Run real nodes in this process, move a file every way there is, and check each byte
    #[command(after_help = examples::DEMO)]
    Demo(Demo),

    /// Print completions for a shell
    #[command(after_help = examples::COMPLETIONS)]
    Completions {
        /// Which shell
        shell: Shell,
    },

    /// Print the man page of stt, or of one of its commands
    #[command(after_help = examples::MAN)]
    Man {
        /// Which command, such as `listen` or `seed new`
        command: Vec<String>,
    },
}

/// What to do with a seed.
#[derive(Debug, Subcommand)]
pub(crate) enum Seed {
    /// Make a new group and print its seed
    New {
        /// Write the seed to a new file that only its owner can read
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        out: Option<PathBuf>,
    },
    /// Add an epoch: a fresh key for the same group
    Next {
        /// The seed file, changed in place
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Say what a seed file holds, without its keys
    Check {
        /// The seed file
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
}

/// Where the seed comes from. Never from an argument, which every user of the machine can read.
#[derive(Debug, Args)]
pub(crate) struct SeedSource {
    /// Read the seed from this file; only its owner may be able to [or set the variable `STT_SEED`]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) seed_file: Option<PathBuf>,
}

/// How long the silence of a peer is borne.
#[derive(Debug, Args)]
pub(crate) struct Patience {
    /// Give a session up after this long without a sign of life; the smaller of both sides counts
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) idle_timeout: Duration,
}

impl Patience {
    /// The library's limits, with this one in them.
    pub(crate) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        limits.idle_timeout = self.idle_timeout;
        limits.keep_alive = limits.keep_alive.min(self.idle_timeout / 3);
        limits
    }
}

/// `stt listen`.
#[derive(Debug, Args)]
pub(crate) struct Listen {
    #[command(flatten)]
    pub(crate) seed: SeedSource,

    /// Bind this address and no other, IP:PORT or NAME:PORT, port 0 for any free one, `ws://IP:PORT`
    /// for WebSockets; may be given several times [default: any free port on all addresses]
    #[arg(long, value_name = "ADDR")]
    pub(crate) bind: Vec<Bind>,

    /// Also wait at this relay, a node that runs with `stt node --relay`: HOST:PORT, or the URL of a
    /// WebSocket; may be given several times
    #[arg(long, value_name = "ADDR")]
    pub(crate) relay: Vec<Place>,

    /// Serve peers in turn until interrupted, which is exit code 5 if a session was open and else 0;
    /// standard input is not read
    #[arg(long)]
    pub(crate) keep: bool,

    #[command(flatten)]
    pub(crate) reachable: Reachable,

    #[command(flatten)]
    pub(crate) patience: Patience,
}

/// `stt connect`.
#[derive(Debug, Args)]
pub(crate) struct Connect {
    /// Where the peer listens: a name or an address, and a UDP port; or the URL of a WebSocket,
    /// `ws://HOST:PORT` or `wss://HOST`; with --relay, who it is: its node id. Of several, the first
    /// that leads to it is taken [default: a member found on the local network]
    #[arg(value_name = "HOST:PORT")]
    pub(crate) to: Vec<PeerPlace>,

    /// Reach the peer through this relay, at which it waits: HOST:PORT, or the URL of a WebSocket
    #[arg(long, value_name = "ADDR")]
    pub(crate) relay: Option<Place>,

    #[command(flatten)]
    pub(crate) seed: SeedSource,

    /// Talk to this member only; it prints its own with `stt id`
    #[arg(long, value_name = "NODEID")]
    pub(crate) peer: Option<NodeId>,

    /// Give up after this long without an answer
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) timeout: Duration,

    #[command(flatten)]
    pub(crate) lan: LanPort,

    #[command(flatten)]
    pub(crate) patience: Patience,
}

/// `stt demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// What to move [default: this very program]
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds")?;
    if !(0.1..=86_400.0).contains(&seconds) {
        return Err("between 0.1 and 86400 seconds".into());
    }
    Ok(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_time_without_end_or_sense_is_refused() {
        assert_eq!(seconds("1.5"), Ok(Duration::from_millis(1_500)));
        for bad in ["0", "-1", "NaN", "inf", "1e9", "soon"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
