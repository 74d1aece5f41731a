//! The command line.
//!
//! Without a subcommand the program measures; `server` and `client` are what it starts itself as.

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Serialize;

use crate::{peers::Tls, scenarios::Scenario};

/// Measures STT beside noq and quinn: two processes over 127.0.0.1, rounds interleaved.
#[derive(Debug, Parser)]
#[command(name = "stt-bench", args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) side: Option<Side>,
    #[command(flatten)]
    pub(crate) plan: Plan,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Plan {
    /// What to measure, in this order.
    #[arg(value_enum, default_values_t = Scenario::ALL)]
    pub(crate) scenarios: Vec<Scenario>,
    /// Whom to measure; what is not offered by one is left out.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = PeerName::ALL)]
    pub(crate) peers: Vec<PeerName>,
    /// How often each peer has its turn.
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
    /// Pins the server to CPU 0 and the client to CPU 1.
    #[arg(long)]
    pub(crate) pin: bool,
    /// Waits (3 minutes in all) until other processes use less than this many cores, and repeats a
    /// run (up to 4 times, `idle` never) in which they used more.
    #[arg(long, value_name = "CORES")]
    pub(crate) quiet: Option<f64>,
    /// Prints one JSON document instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// What both sides of a run must know.
#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct Settings {
    /// Tokio's scheduler, on both sides.
    #[arg(long, value_enum, default_value_t = Flavor::MultiThread)]
    pub(crate) flavor: Flavor,
    #[command(flatten)]
    pub(crate) tls: Tls,
    /// bulk, websocket: MiB a run, after an eighth of that to warm up.
    #[arg(long, default_value_t = 1_024)]
    pub(crate) mib: u64,
    /// requests, sessions: seconds a run, after half a second to warm up.
    #[arg(long, default_value_t = 3.0)]
    pub(crate) seconds: f64,
    /// requests: how many are under way at a time.
    #[arg(long, default_value_t = 64)]
    pub(crate) in_flight: usize,
    /// sessions, idle: how many are begun at a time.
    #[arg(long, default_value_t = 32)]
    pub(crate) at_a_time: usize,
    /// idle: how many sessions are held.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) held: usize,
    /// messages: how many a run.
    #[arg(long, default_value_t = 500_000)]
    pub(crate) messages: u64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Side {
    /// Serves until its standard input ends. First prints what a client must know.
    #[command(hide = true)]
    Server(Run),
    /// Reads what it must know of the server from standard input, measures, prints the outcome.
    #[command(hide = true)]
    Client(Run),
}

/// One side of one run.
#[derive(Debug, Clone, Args)]
pub(crate) struct Run {
    #[arg(long, value_enum)]
    pub(crate) peer: PeerName,
    #[arg(long, value_enum)]
    pub(crate) scenario: Scenario,
    /// Runs on this CPU alone.
    #[arg(long)]
    pub(crate) cpu: Option<usize>,
    /// The server's process.
    #[arg(long, default_value_t = 0)]
    pub(crate) server: u32,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PeerName {
    Stt,
    Noq,
    Quinn,
    /// STT by WebSocket.
    SttWs,
    /// STT by WebSocket in TLS.
    SttWss,
    /// A plain WebSocket of the same library, not encrypted.
    Tungstenite,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Flavor {
    MultiThread,
    CurrentThread,
}

impl PeerName {
    pub(crate) const ALL: [Self; 6] = [
        Self::Stt,
        Self::Noq,
        Self::Quinn,
        Self::SttWs,
        Self::SttWss,
        Self::Tungstenite,
    ];
}

impl Run {
    /// The command line that means this.
    pub(crate) fn to_args(&self) -> Vec<String> {
        let settings = &self.settings;
        let mut args = Vec::new();
        let mut add = |name: &str, value: String| args.extend([format!("--{name}"), value]);
        add("peer", name_of(&self.peer));
        add("scenario", name_of(&self.scenario));
        add("server", self.server.to_string());
        if let Some(cpu) = self.cpu {
            add("cpu", cpu.to_string());
        }
        add("flavor", name_of(&settings.flavor));
        add("key-exchange", name_of(&settings.tls.key_exchange));
        add("certificates", name_of(&settings.tls.certificates));
        add("mib", settings.mib.to_string());
        add("seconds", settings.seconds.to_string());
        add("in-flight", settings.in_flight.to_string());
        add("at-a-time", settings.at_a_time.to_string());
        add("held", settings.held.to_string());
        add("messages", settings.messages.to_string());
        args
    }
}

/// How a value is written on the command line and in reports.
pub(crate) fn name_of(value: &impl ValueEnum) -> String {
    value
        .to_possible_value()
        .map_or_else(String::new, |value| value.get_name().to_owned())
}
