//! What is said of connections, in words or as JSON: those that broke, and with `-v` all of them.

use std::{
    fmt::Display,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use serde_json::json;

use super::carry::{Cut, Tally};
use crate::status::Status;

/// Tells of connections, and counts those that our end cut off.
#[derive(Debug, Clone)]
pub(crate) struct Reporter {
    status: Status,
    is_verbose: bool,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    begun: AtomicU64,
    ended: AtomicU64,
    cut_off: AtomicU64,
}

/// One connection to tell of.
pub(super) struct Told {
    reporter: Reporter,
    number: u64,
    from: String,
    began: Instant,
    pub(super) tally: Tally,
}

impl Reporter {
    pub(crate) fn new(status: Status, is_verbose: bool) -> Self {
        Self {
            status,
            is_verbose: is_verbose || status == Status::Json,
            counts: Arc::default(),
        }
    }

    /// How many connections were cut off because this command ends.
    pub(crate) fn cut_off(&self) -> u64 {
        self.counts.cut_off.load(Relaxed)
    }

    /// How many connections there are.
    pub(crate) fn open(&self) -> u64 {
        let ended = self.counts.ended.load(Relaxed);
        self.counts.begun.load(Relaxed).saturating_sub(ended)
    }

    /// A connection came. One that is waited for may name its target.
    pub(super) fn began(&self, from: impl Display, to: Option<&str>) -> Told {
        let number = self.counts.begun.fetch_add(1, Relaxed) + 1;
        let from = from.to_string();
        if self.is_verbose {
            let named = to.map_or_else(String::new, |to| format!(" for {to}"));
            self.status.say(
                format_args!("connection {number} from {from}{named}"),
                || json!({"event": "connection", "id": number, "from": from, "to": to}),
            );
        }
        Told {
            reporter: self.clone(),
            number,
            from,
            began: Instant::now(),
            tally: Tally::default(),
        }
    }
}

impl Told {
    /// It is over.
    pub(super) fn ended(self, outcome: Result<(), Cut>) {
        let Self {
            reporter,
            number,
            from,
            began,
            tally,
        } = self;
        reporter.counts.ended.fetch_add(1, Relaxed);
        let (ok, reason) = match &outcome {
            Ok(()) => (true, "done".to_owned()),
            Err(cut) => (false, format!("broken off: {cut}")),
        };
        if outcome.is_err_and(|cut| cut.is_ours()) {
            reporter.counts.cut_off.fetch_add(1, Relaxed);
        }
        if ok && !reporter.is_verbose {
            return;
        }
        let (sent, received) = (tally.sent.load(Relaxed), tally.received.load(Relaxed));
        let after = began.elapsed();
        reporter.status.say(
            format_args!(
                "connection {number} from {from} {reason}; sent {sent} bytes, received {received} in {after:.1?}"
            ),
            || {
                json!({
                    "event": "connection_closed",
                    "id": number,
                    "from": from,
                    "ok": ok,
                    "reason": reason,
                    "sent": sent,
                    "received": received,
                    "seconds": after.as_secs_f64(),
                })
            },
        );
    }
}
