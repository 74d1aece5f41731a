//! What the demo shows: a table for a person, or one JSON document for a program.

use std::{
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use data_encoding::HEXLOWER;
use serde::Serialize;

use super::{Seen, sample::Sample};
use crate::{
    exit::Failure,
    pages::print,
    rate::{per_second, size},
};

/// How the report is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Plain,
    Colour,
    Json,
}

impl Shape {
    pub(crate) fn wanted(json: bool) -> Self {
        // See no-color.org: any value but the empty one counts.
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match (json, io::stdout().is_terminal() && !no_colour) {
            (true, _) => Self::Json,
            (false, true) => Self::Colour,
            (false, false) => Self::Plain,
        }
    }
}

/// The report, shown row by row as it grows, or whole at the end.
pub(super) struct Report {
    shape: Shape,
    begun: Instant,
    document: Document,
}

#[derive(Serialize)]
struct Document {
    file: String,
    bytes: u64,
    sha3_256: String,
    steps: Vec<Row>,
    seconds: f64,
    ok: bool,
}

#[derive(Serialize)]
struct Row {
    step: &'static str,
    ok: bool,
    /// What was seen, or what was off.
    seen: String,
    bytes: Option<u64>,
    seconds: Option<f64>,
    bytes_per_second: Option<u64>,
}

impl Report {
    pub(super) fn begin(shape: Shape, sample: &Sample) -> Result<Self, Failure> {
        let document = Document {
            file: sample.path.display().to_string(),
            bytes: sample.arrival.len,
            sha3_256: HEXLOWER.encode(&sample.arrival.address),
            steps: Vec::new(),
            seconds: 0.0,
            ok: true,
        };
        let report = Self {
            shape,
            begun: Instant::now(),
            document,
        };
        report.show(|report| {
            let Document {
                file,
                bytes,
                sha3_256,
                ..
            } = &report.document;
            let len = size(*bytes);
            let title = report.shape.paint(BOLD, "stt demo");
            let heads = line("", "step", "seen", ["size", "time", "rate"]);
            let heads = report.shape.paint(DIM, &heads);
            format!("{title}  moving {file}, {len}\n          SHA3-256 {sha3_256}\n\n{heads}\n")
        })?;
        Ok(report)
    }

    pub(super) fn add(
        &mut self,
        step: &'static str,
        seen: anyhow::Result<Seen>,
    ) -> Result<(), Failure> {
        let row = Row::of(step, seen);
        self.show(|report| format!("{}\n", row.text(report.shape)))?;
        self.document.ok &= row.ok;
        self.document.steps.push(row);
        Ok(())
    }

    /// Fails if anything was off.
    pub(super) fn end(mut self) -> Result<(), Failure> {
        self.document.seconds = self.begun.elapsed().as_secs_f64();
        let (all, off) = self.counts();
        if self.shape == Shape::Json {
            let document = serde_json::to_string_pretty(&self.document);
            let document = document.map_err(|error| Failure::other(error.to_string()))?;
            print(&format!("{document}\n"))?;
        }
        self.show(|report| {
            let summary = match off {
                0 => report
                    .shape
                    .paint(GREEN, &format!("all {all} steps as they should be")),
                _ => report
                    .shape
                    .paint(RED, &format!("{off} of {all} steps are off")),
            };
            format!("\n{summary}, {:.1?}\n", report.begun.elapsed())
        })?;
        match off {
            0 => Ok(()),
            _ => Err(Failure::other(format!("{off} of {all} steps are off"))),
        }
    }

    fn counts(&self) -> (usize, usize) {
        let steps = &self.document.steps;
        (steps.len(), steps.iter().filter(|row| !row.ok).count())
    }

    fn show(&self, text: impl FnOnce(&Self) -> String) -> Result<(), Failure> {
        match self.shape {
            Shape::Json => Ok(()),
            Shape::Plain | Shape::Colour => print(&text(self)),
        }
    }
}

impl Row {
    fn of(step: &'static str, seen: anyhow::Result<Seen>) -> Self {
        match seen {
            Ok(Seen { what, bytes, took }) => Self {
                step,
                ok: true,
                seen: what,
                bytes,
                seconds: Some(took.as_secs_f64()),
                bytes_per_second: bytes.map(|bytes| per_second(bytes, took)),
            },
            Err(error) => Self {
                step,
                ok: false,
                seen: format!("{error:#}"),
                bytes: None,
                seconds: None,
                bytes_per_second: None,
            },
        }
    }

    fn text(&self, shape: Shape) -> String {
        let len = self.bytes.map(size);
        let time = self
            .seconds
            .map(|seconds| format!("{:.1?}", Duration::from_secs_f64(seconds)));
        let rate = self
            .bytes_per_second
            .map(|rate| format!("{}/s", size(rate)));
        let cells = [len, time, rate].map(Option::unwrap_or_default);
        let cells = [cells[0].as_str(), cells[1].as_str(), cells[2].as_str()];
        let (mark, colour) = if self.ok {
            ("✓", GREEN)
        } else {
            ("✗", RED)
        };
        let row = line("", self.step, &self.seen, cells);
        // Colours have no width, so the mark goes in last.
        format!("{}{}", shape.paint(colour, mark), &row[1..])
    }
}

/// One line of the table: columns aligned, nothing cut. At most 100 wide, unless something is off.
fn line(mark: &str, step: &str, seen: &str, [size, time, rate]: [&str; 3]) -> String {
    let whole = format!("{mark:1} {step:25}  {seen:38}  {size:>9}  {time:>7}  {rate:>11}");
    whole.trim_end().to_owned()
}

impl Shape {
    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
            Self::Plain | Self::Json => text.to_owned(),
        }
    }
}

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_step_off_is_said_and_fails() {
        let row = Row::of("step", Err(anyhow::anyhow!("cause").context("what")));
        assert!(!row.ok);
        assert_eq!(row.seen, "what: cause");
        assert!(row.text(Shape::Plain).starts_with("✗ step"));
    }
}
