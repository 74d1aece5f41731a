//! How far a fetch is: a bar on a terminal, with what each provider sends; lines for programs.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use serde_json::json;
use stt::{Blame, FetchProgress, ProviderProgress, ProviderState};

use crate::status::Status;

pub(super) struct Shown {
    status: Status,
    bar: Option<ProgressBar>,
    said_at: Option<Instant>,
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
        }
    }

    pub(super) fn draw(&mut self, progress: &FetchProgress) {
        if let Some(bar) = &self.bar {
            if let Some(length) = progress.length {
                bar.set_length(length);
            }
            bar.set_position(progress.verified);
            let providers = progress.providers.iter().map(sentence);
            bar.set_message(providers.collect::<Vec<_>>().join(", "));
        }
        let is_due = self.said_at.is_none_or(|said| said.elapsed() >= SAY_EVERY);
        if self.status == Status::Json && is_due {
            self.said_at = Some(Instant::now());
            self.say(progress);
        }
    }

    /// The last word.
    pub(super) fn end(self, progress: &FetchProgress) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        match self.status {
            Status::Json => self.say(progress),
            Status::Human => {
                for provider in &progress.providers {
                    if let ProviderState::Dropped(blame) = provider.state {
                        let who = provider.peer.map(|peer| peer.to_string());
                        let who = who.unwrap_or_else(|| "a provider".into());
                        self.status
                            .note(format_args!("{who} was dropped: {}", deed(blame)));
                    }
                }
            }
        }
    }

    fn say(&self, progress: &FetchProgress) {
        let providers = progress.providers.iter().map(|provider| {
            json!({
                "node": provider.peer.map(|peer| peer.to_string()),
                "state": state(provider.state),
                "received": provider.received,
                "rate": provider.rate,
            })
        });
        let providers: Vec<_> = providers.collect();
        self.status.say("", || {
            json!({
                "event": "progress",
                "length": progress.length,
                "verified": progress.verified,
                "resumed": progress.resumed,
                "discarded": progress.discarded,
                "providers": providers,
            })
        });
    }
}

fn sentence(provider: &ProviderProgress) -> String {
    let who = provider.peer.map(|peer| peer.to_string());
    let who = who.as_deref().and_then(|who| who.get(..6)).unwrap_or("?");
    match provider.state {
        ProviderState::Serving => format!("{who} {}/s", HumanBytes(provider.rate)),
        other => format!("{who} {}", state(other)),
    }
}

fn state(state: ProviderState) -> &'static str {
    match state {
        ProviderState::Dialling => "dialling",
        ProviderState::Asked => "asked",
        ProviderState::Serving => "serving",
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

const TEMPLATE: &str =
    "{wide_bar} {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta}\n{msg}";

const SAY_EVERY: Duration = Duration::from_millis(500);
