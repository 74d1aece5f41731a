//! A bar on a terminal: how much, how fast, how long.

use std::io::{self, IsTerminal, Read};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::status::Status;

/// The bar, or nothing; cleared when dropped.
pub(super) struct Progress(Option<ProgressBar>);

impl Progress {
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// Counts bytes, of so many if that is known.
    pub(super) fn of_bytes(status: Status, length: Option<u64>) -> Self {
        Self(is_wanted(status).then(|| match length {
            Some(length) => ProgressBar::new(length).with_style(style(OF_LENGTH)),
            None => ProgressBar::new_spinner().with_style(style(WITHOUT_LENGTH)),
        }))
    }

    /// Shows that something goes on.
    pub(super) fn of_work(status: Status, what: &'static str) -> Self {
        Self(is_wanted(status).then(|| {
            let bar = ProgressBar::new_spinner().with_style(style(WORK));
            bar.enable_steady_tick(REDRAW_EVERY);
            bar.with_message(what)
        }))
    }

    pub(super) fn add(&self, bytes: u64) {
        if let Some(bar) = &self.0 {
            bar.inc(bytes);
        }
    }

    /// A reader whose bytes are counted.
    pub(super) fn wrap<R: Read>(&self, reader: R) -> impl Read + use<R> {
        let bar = self.0.clone().unwrap_or_else(ProgressBar::hidden);
        bar.wrap_read(reader)
    }

    pub(super) fn clear(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn is_wanted(status: Status) -> bool {
    status == Status::Human && io::stderr().is_terminal()
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

const OF_LENGTH: &str =
    "{wide_bar} {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta}";
const WITHOUT_LENGTH: &str = "{spinner} {binary_bytes}, {binary_bytes_per_sec}, {elapsed}";
const WORK: &str = "{spinner} {msg}, {elapsed}";
const REDRAW_EVERY: Duration = Duration::from_millis(250);
