//! How far a fetch is: a bar on a terminal, with what each provider sends; lines for programs.
//!
//! The fetch may be another process's, so what is shown is what that process can tell.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use serde_json::json;
use stt::{Blame, FetchProgress, ProviderProgress, ProviderState};

use crate::status::Status;

/// How far a fetch is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Progress {
    length: Option<u64>,
    verified: u64,
    resumed: u64,
    discarded: u64,
    providers: Vec<ProviderLine>,
}

/// What one provider does.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProviderLine {
    node: Option<String>,
    state: String,
    received: u64,
    rate: u64,
    /// Why it is asked no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deed: Option<String>,
}

pub(super) struct Shown {
    status: Status,
    bar: Option<ProgressBar>,
    said_at: Option<Instant>,
    last: Progress,
}

impl Shown {
    pub(super) fn new(status: Status) -> Self {
        let is_wanted = status == Status::Human && io::stderr().is_terminal();
        let bar = is_wanted.then(|| {
            let style = ProgressStyle::with_template(TEMPLATE);
            let bar = ProgressBar::new(0);
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self {
            status,
            bar,
            said_at: None,
            last: Progress::default(),
        }
    }

    pub(super) fn draw(&mut self, progress: &Progress) {
        if let Some(bar) = &self.bar {
            if let Some(length) = progress.length {
                bar.set_length(length);
            }
            bar.set_position(progress.verified);
            let providers = progress.providers.iter().map(ProviderLine::sentence);
            bar.set_message(providers.collect::<Vec<_>>().join(", "));
        }
        self.last = progress.clone();
        let is_due = self.said_at.is_none_or(|said| said.elapsed() >= SAY_EVERY);
        if self.status == Status::Json && is_due {
            self.said_at = Some(Instant::now());
            self.say();
        }
    }

    /// The last word.
    pub(super) fn end(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        match self.status {
            Status::Json => self.say(),
            Status::Human => {
                for provider in &self.last.providers {
                    if let Some(deed) = &provider.deed {
                        let who = provider.node.as_deref().unwrap_or("a provider");
                        self.status.note(format_args!("{who} was dropped: {deed}"));
                    }
                }
            }
        }
    }

    fn say(&self) {
        let progress = &self.last;
        self.status.say("", || {
            json!({
                "event": "progress",
                "length": progress.length,
                "verified": progress.verified,
                "resumed": progress.resumed,
                "discarded": progress.discarded,
                "providers": progress.providers,
            })
        });
    }
}

impl From<&FetchProgress> for Progress {
    fn from(progress: &FetchProgress) -> Self {
        Self {
            length: progress.length,
            verified: progress.verified,
            resumed: progress.resumed,
            discarded: progress.discarded,
            providers: progress.providers.iter().map(ProviderLine::of).collect(),
        }
    }
}

impl ProviderLine {
    fn of(provider: &ProviderProgress) -> Self {
        Self {
            node: provider.peer.map(|peer| peer.to_string()),
            state: state(provider.state).into(),
            received: provider.received,
            rate: provider.rate,
            deed: match provider.state {
                ProviderState::Dropped(blame) => Some(deed(blame).into()),
                _ => None,
            },
        }
    }

    fn sentence(&self) -> String {
        let who = self.node.as_deref();
        let who = who.and_then(|who| who.get(..6)).unwrap_or("?");
        match self.state.as_str() {
            SERVING => format!("{who} {}/s", HumanBytes(self.rate)),
            other => format!("{who} {other}"),
        }
    }
}

fn state(state: ProviderState) -> &'static str {
    match state {
        ProviderState::Dialling => "dialling",
        ProviderState::Asked => "asked",
        ProviderState::Serving => SERVING,
        ProviderState::Absent => "absent",
        ProviderState::Unreached => "unreached",
        ProviderState::Lost => "lost",
        ProviderState::Dropped(_) => "dropped",
        _ => "unknown",
    }
}

fn deed(blame: Blame) -> &'static str {
    match blame {
        Blame::FalsePart => "it sent a block that is not what its name says",
        Blame::FalseRoot => "it claimed a root that names another object",
        Blame::EmptyPromises => "it did not give what it said that it has",
        _ => "it broke the protocol",
    }
}

const SERVING: &str = "serving";

const TEMPLATE: &str =
    "{wide_bar} {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta}\n{msg}";

const SAY_EVERY: Duration = Duration::from_millis(500);
