//! Tables in Markdown: medians of the rounds, and of the ratios within them.

use anyhow::Result;

use crate::args::Plan;
use crate::peers::PeerName;
use crate::rounds::Record;

/// What the others are compared with.
const YARDSTICK: PeerName = PeerName::Stt;

pub(crate) fn print(plan: &Plan, records: &[Record]) -> Result<()> {
    println!(
        "{} MiB; median [least-most] of {} rounds.",
        plan.mib, plan.rounds
    );
    for providers in &plan.counts() {
        let records = records.iter();
        let records: Vec<&Record> = records
            .filter(|record| record.providers == *providers)
            .collect();
        print_table(plan, *providers, &records);
    }
    Ok(())
}

fn print_table(plan: &Plan, providers: usize, records: &[&Record]) {
    let Some(first) = records.first() else {
        return;
    };
    let compared = plan.peers.iter().filter(|peer| **peer != YARDSTICK);
    let compared: Vec<PeerName> = compared.copied().collect();
    let names = plan.peers.iter().map(ToString::to_string);
    let ratios = compared.iter().map(|peer| format!("{YARDSTICK} / {peer}"));
    println!();
    print_row(&format!("{providers} providers"), names.chain(ratios));
    print_row(
        "---",
        vec!["---".to_owned(); plan.peers.len() + compared.len()],
    );
    for (place, (metric, _)) in first.outcome.metrics.iter().enumerate() {
        let values = plan.peers.iter().map(|peer| {
            let records = records.iter().filter(|record| record.peer == *peer);
            spread(records.filter_map(|record| of(record, place)).collect())
        });
        let ratios = compared.iter().map(|peer| ratio(records, *peer, place));
        print_row(metric, values.chain(ratios));
    }
    let others = records.iter().map(|record| record.outcome.others);
    let loads = records.iter().map(|record| record.load);
    println!(
        "\nCores that other processes used: {}; load {}",
        spread(others.collect()),
        spread(loads.collect())
    );
}

fn print_row(first: &str, rest: impl IntoIterator<Item = String>) {
    let rest: Vec<String> = rest.into_iter().collect();
    println!("| {first} | {} |", rest.join(" | "));
}

fn of(record: &Record, place: usize) -> Option<f64> {
    record.outcome.metrics.get(place).map(|(_, value)| *value)
}

/// How the yardstick compares with a peer, round by round.
fn ratio(records: &[&Record], peer: PeerName, place: usize) -> String {
    let find = |peer: PeerName, round: usize| {
        let mut records = records.iter();
        let record = records.find(|record| record.peer == peer && record.round == round)?;
        of(record, place)
    };
    let rounds = records.iter().filter(|record| record.peer == peer);
    let ratios = rounds.filter_map(|record| {
        let (ours, theirs) = (find(YARDSTICK, record.round)?, of(record, place)?);
        (theirs > 0.0).then_some(ours / theirs)
    });
    spread(ratios.collect())
}

/// Median, least and most.
fn spread(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let (Some(least), Some(most)) = (values.first(), values.last()) else {
        return "-".to_owned();
    };
    let middle = values.len() / 2;
    let median = if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    };
    format!("{} [{}-{}]", short(median), short(*least), short(*most))
}

/// Three digits that mean something.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
