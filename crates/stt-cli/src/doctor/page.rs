//! The report in words.

use std::fmt::{Display, Write};

use super::{
    findings::{Family, Findings},
    members::{Kind, Member, Path, Said, Source},
    peer::Meeting,
    predict::Udp,
};
use crate::{
    control::{Mapping, RelaySeen, Surroundings},
    rate::count,
};

/// The whole report.
pub(super) fn page(findings: &Findings) -> String {
    let mut page = Page::default();
    page.section("this network");
    page.row("addresses", list(&findings.here.interfaces));
    page.row("seen at", list(&findings.here.seen_at));
    page.row("mapping", mapping(findings.mapping));
    page.row("UDP", udp(findings.udp));
    page.row("IPv4", family(&findings.ipv4));
    page.row("IPv6", family(&findings.ipv6));
    page.row("router", router(&findings.here));
    page.row("proxy", findings.proxy.as_deref().unwrap_or("none"));
    page.row("local network", neighbours(&findings.here));
    page.running(findings.running.as_ref());
    page.members(&findings.members);
    page.relays(&findings.here.relays);
    page.advice(&findings.advice);
    page.0
}

/// What came of the meeting with a peer.
pub(super) fn meeting(meeting: &Meeting) -> String {
    let mut page = Page::default();
    page.section(&format!("peer {}", meeting.node));
    page.row("met", path(&meeting.first));
    page.row("mapping", mapping(meeting.mapping));
    page.row("prediction", &meeting.predicted.because);
    let last = path(&meeting.last);
    let seconds = |milliseconds: f64| milliseconds / 1_000.0;
    page.row(
        "what happened",
        match meeting.direct_after_ms {
            Some(_) if meeting.first.kind == Kind::Udp => format!("direct from the start, {last}"),
            Some(after) => format!("direct after {:.1} s, {last}", seconds(after)),
            None => format!(
                "not direct within {:.1} s, {last}",
                seconds(meeting.watched_ms)
            ),
        },
    );
    if let Some(why) = &meeting.ended {
        page.row("then", format_args!("the session was over: {why}"));
    }
    page.0
}

/// Sections of rows.
#[derive(Default)]
struct Page(String);

impl Page {
    fn section(&mut self, title: &str) {
        let _ = writeln!(self.0, "{title}");
    }

    fn row(&mut self, name: impl Display, value: impl Display) {
        let _ = writeln!(self.0, "  {name:<14} {value}");
    }

    fn running(&mut self, running: Option<&Surroundings>) {
        let Some(running) = running else { return };
        self.section(&format!("the node that runs here, {}", running.node));
        self.row("seen at", list(&running.seen_at));
        self.row("mapping", mapping(running.mapping));
        self.row("router", router(running));
        self.row("sessions", running.sessions);
        for relay in &running.relays {
            self.row("relay", said_of(relay));
        }
    }

    fn members(&mut self, members: &[Member]) {
        if members.is_empty() {
            return;
        }
        self.section("members that were asked");
        for member in members {
            let from = match member.source {
                Source::Via => "",
                Source::Neighbour => ", found on the local network",
                Source::Running => ", known to the node that runs here",
            };
            let said = match &member.said {
                Said::Answered(answered) => {
                    let sees = answered
                        .sees_us_at
                        .map_or_else(String::new, |at| format!("; sees this machine at {at}"));
                    format!("{}{sees}", path(&answered.path))
                }
                Said::Silent { error, .. } => error.clone(),
            };
            let _ = writeln!(self.0, "  {}{from}: {said}", member.place);
        }
    }

    fn relays(&mut self, relays: &[RelaySeen]) {
        if relays.is_empty() {
            return;
        }
        self.section("relays");
        for relay in relays {
            let _ = writeln!(self.0, "  {}", said_of(relay));
        }
    }

    fn advice(&mut self, advice: &[&str]) {
        if advice.is_empty() {
            return;
        }
        self.section("what would tell more");
        for line in advice {
            let _ = writeln!(self.0, "  {line}");
        }
    }
}

fn said_of(relay: &RelaySeen) -> String {
    match (&relay.node, relay.round_trip_ms) {
        (Some(_), Some(time)) => format!("{}: reached, {time} ms", relay.relay),
        (Some(_), None) => format!("{}: reached", relay.relay),
        (None, _) => format!("{}: not reached, or no relay", relay.relay),
    }
}

fn path(path: &Path) -> String {
    let by = match path.kind {
        Kind::Udp => "by UDP",
        Kind::WebSocket => "by WebSocket",
        Kind::Relay => "through the relay",
    };
    let at = path
        .address
        .map_or_else(String::new, |at| format!(" at {at}"));
    format!("{by}{at}, {} ms", path.round_trip_ms)
}

fn mapping(mapping: Mapping) -> &'static str {
    match mapping {
        Mapping::Unknown => "not known",
        Mapping::None => "none: others see an address of this machine itself",
        Mapping::Independent => {
            "endpoint-independent: all see one address, so that others can be told of it"
        }
        Mapping::Dependent => {
            "address-dependent: each sees another address, so that nobody can be told of one"
        }
    }
}

fn udp(udp: Udp) -> &'static str {
    match udp {
        Udp::Works => "gets through",
        Udp::Blocked => {
            "blocked: members were reached by other ways, and not where they say they are by UDP"
        }
        Udp::Unknown => "not known",
    }
}

fn family(family: &Family) -> String {
    let addresses = match family.addresses.as_slice() {
        [] => "no address",
        addresses if addresses.len() == 1 => "an address",
        _ => "several addresses",
    };
    let reached = count(family.reached as u64, "member");
    match family.reached {
        0 => format!("{addresses}; no member was reached by it"),
        _ => format!("{addresses}; {reached} reached by it"),
    }
}

fn router(known: &Surroundings) -> String {
    let Some(router) = &known.router else {
        return "was not asked for a port, or has not answered yet".into();
    };
    if router.protocols.is_empty() {
        return "opens no ports: none answered by UPnP, NAT-PMP or PCP".into();
    }
    let by = router.protocols.join(", ");
    match router.address {
        Some(address) => format!("opens ports when asked, by {by}: {address}"),
        None => format!("answers by {by}, but opened no port"),
    }
}

fn neighbours(known: &Surroundings) -> String {
    match known.neighbours.len() {
        0 => "no member was heard".into(),
        found => format!("{} found", count(found as u64, "member")),
    }
}

fn list(all: &[impl Display]) -> String {
    if all.is_empty() {
        return "nothing known".into();
    }
    let all: Vec<_> = all.iter().map(ToString::to_string).collect();
    all.join(", ")
}
