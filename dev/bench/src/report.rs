//! Tables for people, in Markdown, and one JSON document for programs.

use anyhow::Result;
use serde::Serialize;

use crate::{
    args::{PeerName, Plan, Settings, name_of},
    rounds::{Record, Results},
    scenarios::Scenario,
    system::Machine,
};

pub(crate) fn print(plan: &Plan, results: &Results) -> Result<()> {
    let machine = Machine::observe()?;
    if plan.json {
        let document = Document {
            machine: &machine,
            settings: &plan.settings,
            pinned: plan.pin,
            results,
        };
        println!("{}", serde_json::to_string_pretty(&document)?);
        return Ok(());
    }
    println!("{machine}\n");
    println!("{}", settings(plan));
    println!("Median [least-most] of {} rounds.", plan.rounds);
    for scenario in &plan.scenarios {
        print_table(plan, *scenario, &results.records);
    }
    if results.repeated > 0 {
        println!(
            "\n{} runs repeated because others were busy",
            results.repeated
        );
    }
    for failure in &results.failures {
        println!("failed: {failure}");
    }
    Ok(())
}

#[derive(Serialize)]
struct Document<'a> {
    machine: &'a Machine,
    settings: &'a Settings,
    pinned: bool,
    #[serde(flatten)]
    results: &'a Results,
}

fn settings(plan: &Plan) -> String {
    let pinned = if plan.pin { "pinned" } else { "not pinned" };
    format!(
        "{}, {pinned}; key exchange of noq and quinn: {}, certificates: {}.",
        name_of(&plan.settings.flavor),
        name_of(&plan.settings.tls.key_exchange),
        name_of(&plan.settings.tls.certificates)
    )
}

fn print_table(plan: &Plan, scenario: Scenario, records: &[Record]) {
    let records: Vec<&Record> = records
        .iter()
        .filter(|record| record.scenario == scenario)
        .collect();
    let Some(first) = records.first() else {
        return;
    };
    let peers: Vec<PeerName> = plan
        .peers
        .iter()
        .copied()
        .filter(|peer| scenario.is_offered_by(*peer))
        .collect();
    let yardstick = scenario.yardstick();
    let compared: Vec<PeerName> = peers
        .iter()
        .copied()
        .filter(|peer| *peer != yardstick && peers.contains(&yardstick))
        .collect();
    let names = peers.iter().map(name_of);
    let ratios = compared
        .iter()
        .map(|peer| format!("{} / {}", name_of(peer), name_of(&yardstick)));
    print_row(&name_of(&scenario), names.chain(ratios), "\n");
    print_row(
        "---",
        vec!["---".to_owned(); peers.len() + compared.len()],
        "",
    );
    for metric in first.outcome.metrics.keys() {
        let values = peers
            .iter()
            .map(|peer| spread(values_of(&records, *peer, metric)));
        let ratios = compared.iter().map(|peer| ratio(&records, *peer, metric));
        print_row(metric, values.chain(ratios), "");
    }
    let others: Vec<f64> = records.iter().map(|record| record.outcome.others).collect();
    println!("\nCores that other processes used: {}", spread(others));
}

fn print_row(first: &str, rest: impl IntoIterator<Item = String>, before: &str) {
    let rest: Vec<String> = rest.into_iter().collect();
    println!("{before}| {first} | {} |", rest.join(" | "));
}

fn values_of(records: &[&Record], peer: PeerName, metric: &str) -> Vec<f64> {
    let records = records.iter().filter(|record| record.peer == peer);
    records
        .filter_map(|record| record.outcome.metrics.get(metric).copied())
        .collect()
}

/// How a peer compares, round by round.
fn ratio(records: &[&Record], peer: PeerName, metric: &str) -> String {
    let of = |peer: PeerName, round: usize| {
        let mut records = records.iter();
        let record = records.find(|record| record.peer == peer && record.round == round)?;
        record.outcome.metrics.get(metric).copied()
    };
    let rounds = records.iter().filter(|record| record.peer == peer);
    let ratios = rounds.filter_map(|record| {
        let (mine, theirs) = (of(peer, record.round)?, of(record.scenario.yardstick(), record.round)?);
        (theirs > 0.0).then_some(mine / theirs)
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
