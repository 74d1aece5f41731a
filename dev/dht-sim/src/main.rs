//! The full-size figures: each scenario with 10,000 members, as a table in Markdown.
//!
//! ```text
//! cargo run --release -p stt-dht-sim -- [MEMBERS] [SCENARIO]
//! ```
//!
//! Ends with an error if a figure does not hold its bar.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command talks to its user"
)]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use stt_dht_sim::scenario::hostile::{Homes, mixed, targeted};
use stt_dht_sim::scenario::lookups::{Sessions, askers, find_closest, make_stale};
use stt_dht_sim::scenario::{Tally, config, load, providers, trouble};
use stt_dht_sim::{Villain, World};

const MINUTE: Duration = Duration::from_secs(60);

const USAGE: &str = "stt-dht-sim [MEMBERS [SCENARIO]]: runs all scenarios, or one of these";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let members = arguments.next().map_or(Ok(10_000), |count| count.parse());
    let only = arguments.next();
    let is_known = |only: &String| SCENARIOS.iter().any(|(name, _)| name == only);
    let Some(members) = members.ok().filter(|_| only.iter().all(is_known)) else {
        eprintln!("{USAGE}");
        for (name, _) in SCENARIOS {
            eprintln!("  {name}");
        }
        return ExitCode::from(2);
    };
    println!("# The DHT at {members} members\n");
    println!(
        "Written by `cargo xtask long`. Round trips have a median of 80 ms, one packet in a hundred is lost, a"
    );
    println!(
        "contact without a session costs a round trip, 2.4 KB and 0.4 ms. Real time is that of two threads; load is"
    );
    println!("what the machine had to do in the minute before.\n");
    println!("| scenario | bar | measured | holds | real time | load before | commit |");
    println!("|---|---|---|---|---|---|---|");
    let commit = std::env::var("STT_COMMIT").unwrap_or_else(|_| String::from("?"));
    let mut holds = true;
    for (name, scenario) in SCENARIOS {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let load = load_average();
        let start = Instant::now();
        let figures = scenario(members);
        let took = start.elapsed().as_secs();
        for Figure {
            bar,
            measured,
            is_held,
        } in figures
        {
            let word = if is_held { "yes" } else { "NO" };
            println!("| {name} | {bar} | {measured} | {word} | {took} s | {load} | {commit} |");
            holds &= is_held;
        }
    }
    if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What else the machine was doing during the last minute, where that is to be known.
fn load_average() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ')
        .next()
        .filter(|load| !load.is_empty())
        .unwrap_or("?")
        .into()
}

/// A number, and what it should be.
struct Figure {
    bar: &'static str,
    measured: String,
    is_held: bool,
}

impl Figure {
    fn new(bar: &'static str, is_held: bool, tally: &Tally) -> Self {
        Self {
            bar,
            measured: tally.to_string(),
            is_held,
        }
    }
}

type Scenario = (&'static str, fn(u32) -> Vec<Figure>);

const SCENARIOS: [Scenario; 15] = [
    ("an hour, members stay 30 min", an_hour),
    ("members stay 5 min", five_minutes),
    ("warm lookups", warm),
    ("cold lookups", cold),
    ("10 % stale", stale),
    ("20 % collude", |members| {
        hostile(members, Villain::Colludes)
    }),
    ("20 % provide falsely", |members| {
        hostile(members, Villain::ProvidesFalsely)
    }),
    ("20 % invent members", |members| {
        hostile(members, Villain::Invents)
    }),
    ("100 names around a key", around_a_key),
    ("30 % vanish", |members| vanish(members, 0.3)),
    ("50 % vanish", |members| vanish(members, 0.5)),
    ("two halves, 30 min", halves),
    ("clocks 10 min wrong", clocks),
    ("a key that all want", crowd),
    ("ten flood one", flood),
];

fn an_hour(members: u32) -> Vec<Figure> {
    let start = Instant::now();
    let mut world = World::settled(1, members, config());
    world.set_mean_stay(30 * MINUTE);
    world.run(20 * MINUTE);
    let (contents, _) = providers::announce(&mut world, 300);
    let mut found = Tally::default();
    while world.elapsed() < 55 * MINUTE {
        world.run(8 * MINUTE);
        found.merge(&providers::find(&mut world, &contents, 3));
    }
    let before = world.elapsed();
    world.run((60 * MINUTE).saturating_sub(before));
    let took = start.elapsed();
    let member_seconds = world.elapsed().as_secs_f64() * f64::from(members);
    let messages = world.traffic().messages as f64 / member_seconds;
    let bytes = world.traffic().bytes as f64 / member_seconds;
    let time = Figure {
        bar: "an hour in 120 s",
        measured: format!(
            "{:.0} s; {messages:.2} messages and {bytes:.0} bytes a second and member",
            took.as_secs_f64()
        ),
        is_held: took <= Duration::from_secs(120),
    };
    let is_held = found.success() >= 0.999;
    vec![
        time,
        Figure::new("providers found >= 99.9 %", is_held, &found),
    ]
}

fn five_minutes(members: u32) -> Vec<Figure> {
    let mut world = World::settled(1, members, config());
    world.set_mean_stay(5 * MINUTE);
    world.run(10 * MINUTE);
    let (contents, _) = providers::announce(&mut world, 300);
    let mut found = providers::find(&mut world, &contents, 3);
    world.run(4 * MINUTE);
    found.merge(&providers::find(&mut world, &contents, 3));
    vec![Figure::new(
        "providers found >= 99 %",
        found.success() >= 0.99,
        &found,
    )]
}

fn settled(members: u32) -> World {
    let mut world = World::settled(1, members, config());
    world.run(5 * MINUTE);
    world
}

fn lookups(members: u32, sessions: Sessions, is_stale: bool) -> Tally {
    let mut world = settled(members);
    let askers = askers(&mut world, 200, sessions);
    if is_stale {
        make_stale(&mut world, &askers);
    }
    find_closest(&mut world, &askers, 3)
}

fn is_within(tally: &Tally, p50: f64, p99: f64) -> bool {
    tally.endless == 0 && tally.time_ms.at(0.5) <= p50 && tally.time_ms.at(0.99) <= p99
}

fn warm(members: u32) -> Vec<Figure> {
    let tally = lookups(members, Sessions::Warm, false);
    let is_held = is_within(&tally, 450.0, 800.0) && tally.requests.mean() <= 34.0;
    vec![Figure::new(
        "p50 <= 450 ms, p99 <= 800 ms, <= 34 requests",
        is_held,
        &tally,
    )]
}

fn cold(members: u32) -> Vec<Figure> {
    let tally = lookups(members, Sessions::Pooled, false);
    let is_held = is_within(&tally, 900.0, 1_600.0) && tally.dials.mean() <= 15.0;
    vec![Figure::new(
        "p50 <= 900 ms, p99 <= 1,600 ms, <= 15 dials",
        is_held,
        &tally,
    )]
}

fn stale(members: u32) -> Vec<Figure> {
    let tally = lookups(members, Sessions::Warm, true);
    let is_held = is_within(&tally, 700.0, 1_500.0);
    vec![Figure::new(
        "p50 <= 700 ms, p99 <= 1,500 ms",
        is_held,
        &tally,
    )]
}

fn hostile(members: u32, villain: Villain) -> Vec<Figure> {
    let mut world = mixed(1, members, config(), 0.2, villain);
    world.run(5 * MINUTE);
    let (contents, _) = providers::announce(&mut world, 400);
    let found = providers::find(&mut world, &contents, 5);
    vec![Figure::new(
        "providers found >= 99.9 %",
        found.success() >= 0.999,
        &found,
    )]
}

fn around_a_key(members: u32) -> Vec<Figure> {
    let mut found = Tally::default();
    for seed in 0..3 {
        let villain = Villain::ProvidesFalsely;
        let (mut world, key) = targeted(seed, members, config(), 100, villain, Homes::Many);
        world.run(5 * MINUTE);
        let (contents, _) = providers::announce_keys(&mut world, &[key]);
        found.merge(&providers::find(&mut world, &contents, 300));
    }
    vec![Figure::new(
        "the true provider found >= 99 %",
        found.success() >= 0.99,
        &found,
    )]
}

fn vanish(members: u32, share: f64) -> Vec<Figure> {
    let mut world = settled(members);
    let (contents, _) = providers::announce(&mut world, 300);
    trouble::kill(&mut world, share);
    let alive = providers::alive(&world, &contents);
    let at_once = providers::find(&mut world, &alive, 3);
    world.run(15 * MINUTE);
    let askers = askers(&mut world, 200, Sessions::Pooled);
    let later = find_closest(&mut world, &askers, 1);
    let is_whole = later.overlap.mean() >= 0.98;
    vec![
        Figure::new(
            "at once: providers found >= 99 %",
            at_once.success() >= 0.99,
            &at_once,
        ),
        Figure::new("15 minutes later: overlap >= 0.98", is_whole, &later),
    ]
}

fn halves(members: u32) -> Vec<Figure> {
    let mut world = settled(members);
    trouble::split(&mut world, 30 * MINUTE);
    let (contents, _) = providers::announce(&mut world, 200);
    trouble::heal(&mut world);
    world.run(20 * MINUTE);
    let found = providers::find(&mut world, &contents, 3);
    vec![Figure::new(
        "20 minutes after: found >= 99 %",
        found.success() >= 0.99,
        &found,
    )]
}

fn clocks(members: u32) -> Vec<Figure> {
    let mut world = World::settled(1, members, config());
    trouble::skew(&mut world);
    world.run(5 * MINUTE);
    let (contents, _) = providers::announce(&mut world, 200);
    let found = providers::find(&mut world, &contents, 3);
    // By then each has been announced once more.
    world.run(25 * MINUTE);
    let renewed = providers::find(&mut world, &contents, 3);
    vec![
        Figure::new("all found", found.good == found.asked, &found),
        Figure::new(
            "25 minutes later: all found",
            renewed.good == renewed.asked,
            &renewed,
        ),
    ]
}

fn flood(members: u32) -> Vec<Figure> {
    let mut config = config();
    config.records = 2_000;
    let mut world = World::settled(1, members, config);
    world.run(5 * MINUTE);
    let (victim, held) = load::holder(&mut world, members as usize / 5);
    for _ in 0..10 {
        let flooder = world.somebody();
        load::flood(&mut world, flooder, victim, 40);
    }
    let kept = held
        .iter()
        .filter(|key| load::holds(&mut world, victim, **key));
    let (kept, of) = (kept.count(), held.len());
    let all = world.engine(victim).map_or(0, |engine| engine.held().0);
    vec![Figure {
        bar: "room for 2,000, 25,600 sent: what it held of others is held",
        measured: format!("{kept} of {of}, {all} records in all"),
        is_held: of > 0 && kept == of && all <= 2_000,
    }]
}

fn crowd(members: u32) -> Vec<Figure> {
    let mut world = settled(members);
    let (contents, _) = providers::announce(&mut world, 1);
    let Some(content) = contents.first() else {
        return Vec::new();
    };
    let before = load::serving(&world);
    let found = load::crowd(&mut world, content.key, members as usize);
    let served = load::served(&world, &before);
    let all = Figure {
        bar: "all find it",
        measured: format!("{found} of {members}"),
        is_held: found == members as usize,
    };
    let load = Figure {
        bar: "none serves more than 20 times the median",
        measured: format!("requests served: {served}"),
        is_held: served.at(1.0) <= 20.0 * served.at(0.5),
    };
    vec![all, load]
}
