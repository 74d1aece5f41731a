//! One line on a terminal that shows how it goes: rate, round trip, path.
//!
//! Only where it disturbs nobody: standard error is a terminal, nobody types, and the terminal
//! doesn't show what the peer sends.

use std::{
    io::{self, IsTerminal},
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use stt::Session;

use super::copy::Tally;
use crate::{
    rate::{per_second, size},
    status::Status,
};

/// The line, or nothing; cleared when dropped.
pub(super) struct Progress(Option<ProgressBar>);

impl Progress {
    pub(super) fn wanted(status: Status) -> Self {
        let shown =
            status == Status::Human && io::stderr().is_terminal() && !io::stdin().is_terminal();
        Self(shown.then(|| ProgressBar::new_spinner().with_style(style())))
    }

    /// Redraws the line as long as it is polled.
    pub(super) async fn draw(&self, session: &Session, tally: &Tally) {
        let Some(line) = &self.0 else {
            return std::future::pending().await;
        };
        let data_is_shown = io::stdout().is_terminal();
        let mut before = Reading::of(tally);
        loop {
            tokio::time::sleep(REDRAW_EVERY).await;
            let now = Reading::of(tally);
            if data_is_shown && now.received > 0 {
                line.finish_and_clear();
                return std::future::pending().await;
            }
            line.set_message(describe(session, before, now));
            before = now;
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(line) = &self.0 {
            line.finish_and_clear();
        }
    }
}

#[derive(Clone, Copy)]
struct Reading {
    at: Instant,
    sent: u64,
    received: u64,
}

impl Reading {
    fn of(tally: &Tally) -> Self {
        Self {
            at: Instant::now(),
            sent: tally.sent.load(Relaxed),
            received: tally.received.load(Relaxed),
        }
    }
}

fn describe(session: &Session, before: Reading, now: Reading) -> String {
    let rate = |bytes: u64| size(per_second(bytes, now.at - before.at));
    let stats = session.stats();
    let path = stats.path.remote;
    let path = path.map_or_else(|| "no path".into(), |at| at.to_string());
    format!(
        "out {}, {}/s; in {}, {}/s; rtt {:.0?}; {path}",
        size(now.sent),
        rate(now.sent - before.sent),
        size(now.received),
        rate(now.received - before.received),
        stats.round_trip,
    )
}

/// As wide as the terminal and no wider.
fn style() -> ProgressStyle {
    ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner())
}

const REDRAW_EVERY: Duration = Duration::from_millis(250);
