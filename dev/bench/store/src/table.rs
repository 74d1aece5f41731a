//! Medians of the rounds, as a table.

use std::collections::BTreeMap;
use std::fmt;

use crate::measure::Spent;
use crate::peers::Peer;

type Row = BTreeMap<Peer, Vec<Spent>>;

#[derive(Debug, Default)]
pub(crate) struct Table(BTreeMap<&'static str, Row>);

impl Table {
    pub(crate) fn add(&mut self, peer: Peer, results: Vec<(&'static str, Spent)>) {
        for (what, spent) in results {
            self.0
                .entry(what)
                .or_default()
                .entry(peer)
                .or_default()
                .push(spent);
        }
    }
}

/// The one in the middle, by rate.
fn median(all: &[Spent]) -> Spent {
    let mut all = all.to_vec();
    all.sort_by(|one, other| one.rate().total_cmp(&other.rate()));
    all[all.len() / 2]
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| what | who | median | least - most | CPU-s | waiting | stt / it |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|")?;
        for (what, row) in &self.0 {
            let ours = row.get(&Peer::Stt).map(|all| median(all).rate());
            for (peer, all) in row {
                let middle = median(all);
                let rates = || all.iter().map(Spent::rate);
                let least = rates().fold(f64::INFINITY, f64::min);
                let most = rates().fold(0.0, f64::max);
                let ratio =
                    ours.map_or(String::new(), |ours| format!("{:.2}", ours / middle.rate()));
                let shown = middle.to_string();
                let shown = shown.split(',').next().unwrap_or_default();
                let waiting = middle.waiting() * 100.0;
                writeln!(
                    f,
                    "| {what} | {peer:?} | {shown} | {least:.0} - {most:.0} | {:.2} | {waiting:.0} % | {ratio} |",
                    middle.cpu
                )?;
            }
        }
        Ok(())
    }
}
