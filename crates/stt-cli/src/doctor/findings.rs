//! What was found, and what follows from it. Nothing is asked here.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
};

use serde::Serialize;

use super::{
    members::{Kind, Member, Said, Source},
    peer::Meeting,
    predict::{Side, Udp},
};
use crate::{
    control::{Mapping, Surroundings},
    exit::{Exit, Failure},
};

/// The report: the document of `--json`.
#[derive(Debug, Serialize)]
pub(super) struct Findings {
    /// A node of this command's own.
    pub(super) here: Surroundings,
    /// The node that runs with the data dir.
    pub(super) running: Option<Surroundings>,
    /// How addresses are translated on the way to the internet, as far as either of them knows.
    pub(super) mapping: Mapping,
    pub(super) udp: Udp,
    pub(super) ipv4: Family,
    pub(super) ipv6: Family,
    /// The HTTP proxy by which WebSockets are dialled.
    pub(super) proxy: Option<String>,
    pub(super) members: Vec<Member>,
    /// What would tell more.
    pub(super) advice: Vec<&'static str>,
    pub(super) peer: Option<Meeting>,
}

/// IPv4, or IPv6.
#[derive(Debug, Serialize)]
pub(super) struct Family {
    /// Addresses of this machine that others could reach.
    pub(super) addresses: Vec<IpAddr>,
    /// Members that were reached by it.
    pub(super) reached: usize,
}

/// What is known of the ways to find out more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Means {
    pub(super) has_seed: bool,
}

impl Findings {
    pub(super) fn new(
        here: Surroundings,
        running: Option<Surroundings>,
        proxy: Option<String>,
        members: Vec<Member>,
        means: Means,
    ) -> Self {
        let known = [Some(&here), running.as_ref()];
        let beyond = known.into_iter().flatten().map(mapping_beyond);
        let mapping = beyond
            .into_iter()
            .find(|mapping| *mapping != Mapping::Unknown);
        let (mapping, udp) = (mapping.unwrap_or(Mapping::Unknown), udp(&members));
        let family = |is_it: fn(&IpAddr) -> bool| Family::of(&here, &members, is_it);
        Self {
            ipv4: family(IpAddr::is_ipv4),
            ipv6: family(IpAddr::is_ipv6),
            advice: advice(mapping, udp, &here, &members, means),
            mapping,
            udp,
            here,
            running,
            proxy,
            members,
            peer: None,
        }
    }

    /// This side, for a prediction.
    pub(super) fn side(&self) -> Side {
        Side {
            mapping: self.mapping.into(),
            udp: self.udp,
        }
    }

    /// A failure if members or relays were named and none of them answered.
    pub(super) fn outcome(&self) -> Result<(), Failure> {
        let named = || {
            self.members
                .iter()
                .filter(|member| member.source == Source::Via)
        };
        let is_relay_there = self.here.relays.iter().any(|relay| relay.node.is_some());
        let is_none_named = named().next().is_none() && self.here.relays.is_empty();
        if is_none_named || is_relay_there || named().any(|member| member.answered().is_some()) {
            return Ok(());
        }
        let refused = named().any(|member| {
            matches!(
                member.said,
                Said::Silent {
                    exit: Exit::Refused,
                    ..
                }
            )
        });
        let exit = if refused {
            Exit::Refused
        } else {
            Exit::NoAnswer
        };
        Err(Failure::new(exit, "no member that was named has answered"))
    }
}

impl Family {
    fn of(here: &Surroundings, members: &[Member], is_it: fn(&IpAddr) -> bool) -> Self {
        let ips = here.interfaces.iter().map(SocketAddr::ip);
        let addresses: BTreeSet<_> = ips.filter(|ip| is_it(ip) && !is_of_the_link(ip)).collect();
        let reached = members.iter().filter_map(Member::answered);
        let reached = reached.filter(|answered| {
            answered
                .path
                .address
                .is_some_and(|at| is_it(&at.ip().to_canonical()))
        });
        Self {
            addresses: addresses.into_iter().collect(),
            reached: reached.count(),
        }
    }
}

/// Members that see an address of an interface which only a private network knows tell nothing of the
/// router between that and the internet.
fn mapping_beyond(known: &Surroundings) -> Mapping {
    let own = |at: &&SocketAddr| known.interfaces.contains(at) || at.ip().is_loopback();
    let mut seen = known.seen_at.iter().filter(own);
    if known.mapping == Mapping::None && seen.all(|at| is_private(&at.ip())) {
        return Mapping::Unknown;
    }
    known.mapping
}

fn is_private(ip: &IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            // The last are shared by the customers of a provider (RFC 6598).
            let is_shared = first == 100 && second & 0xc0 == 64;
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || is_shared
        }
        IpAddr::V6(ip) => ip.is_unique_local() || is_of_the_link(&ip.into()),
    }
}

fn is_of_the_link(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unicast_link_local(),
    }
}

/// Whoever is reached by something else than UDP, has said where it is by UDP, and is not reached there
/// in time, is behind something that blocks it: here or there.
fn udp(members: &[Member]) -> Udp {
    let answered = || members.iter().filter_map(Member::answered);
    if answered().any(|member| member.path.kind == Kind::Udp) {
        Udp::Works
    } else if answered().any(|member| member.tells_udp) {
        Udp::Blocked
    } else {
        Udp::Unknown
    }
}

fn advice(
    mapping: Mapping,
    udp: Udp,
    here: &Surroundings,
    members: &[Member],
    means: Means,
) -> Vec<&'static str> {
    if !means.has_seed {
        return vec!["give --seed-file and --via ADDR twice: members of the group tell the rest"];
    }
    let mut advice = Vec::new();
    let answered = members.iter().filter_map(Member::answered).count();
    advice.extend(match (udp, answered) {
        (Udp::Works | Udp::Blocked, _) => None,
        (Udp::Unknown, 0) if members.is_empty() => {
            Some("give --via ADDR twice: members on different hosts tell how addresses are translated, and whether UDP works")
        }
        (Udp::Unknown, 0) => {
            Some("no member answered: give the URL of one that listens for WebSockets, to tell whether UDP is blocked")
        }
        (Udp::Unknown, _) => {
            Some("the members that answered do not tell where they are by UDP: give a --via that does, or its HOST:PORT")
        }
    });
    if udp == Udp::Works && mapping == Mapping::Unknown {
        advice.push(match here.mapping {
            Mapping::None => {
                "give a --via beyond the local network, to tell how addresses are translated on the way there"
            }
            _ => "give a second --via, on another host, to tell how addresses are translated",
        });
    }
    advice
}

#[cfg(test)]
mod tests {
    use super::{
        super::members::{Answered, Path},
        *,
    };

    fn surroundings(mapping: Mapping, seen_at: &[&str]) -> Surroundings {
        Surroundings {
            node: "a".into(),
            interfaces: vec![
                "192.168.1.2:7".parse().unwrap(),
                "50.0.1.2:7".parse().unwrap(),
            ],
            seen_at: seen_at.iter().map(|at| at.parse().unwrap()).collect(),
            mapping,
            router: None,
            relays: Vec::new(),
            neighbours: Vec::new(),
            sessions: 0,
        }
    }

    fn member(kind: Kind, tells_udp: bool) -> Member {
        Member {
            place: "there".into(),
            source: Source::Via,
            said: Said::Answered(Answered {
                node: "b".into(),
                path: Path {
                    kind,
                    address: Some("50.0.2.2:7".parse().unwrap()),
                    round_trip_ms: 1.0,
                },
                sees_us_at: None,
                tells_udp,
            }),
        }
    }

    fn silent(exit: Exit) -> Member {
        Member {
            place: "there".into(),
            source: Source::Via,
            said: Said::Silent {
                error: "no answer".into(),
                exit,
            },
        }
    }

    #[test]
    fn udp_is_blocked_only_if_somebody_was_there_and_said_where() {
        assert_eq!(udp(&[]), Udp::Unknown);
        assert_eq!(udp(&[silent(Exit::NoAnswer)]), Udp::Unknown);
        assert_eq!(udp(&[member(Kind::WebSocket, false)]), Udp::Unknown);
        let blocked = [member(Kind::WebSocket, true), silent(Exit::NoAnswer)];
        assert_eq!(udp(&blocked), Udp::Blocked);
        assert_eq!(
            udp(&[member(Kind::WebSocket, true), member(Kind::Udp, true)]),
            Udp::Works
        );
    }

    #[test]
    fn neighbours_alone_do_not_tell_that_nothing_is_translated() {
        let near = surroundings(Mapping::None, &["192.168.1.2:7"]);
        assert_eq!(mapping_beyond(&near), Mapping::Unknown);
        let far = surroundings(Mapping::None, &["192.168.1.2:7", "50.0.1.2:7"]);
        assert_eq!(mapping_beyond(&far), Mapping::None);
        let translated = surroundings(Mapping::Dependent, &["50.0.3.1:7", "50.0.3.1:8"]);
        assert_eq!(mapping_beyond(&translated), Mapping::Dependent);
    }

    #[test]
    fn what_the_running_node_knows_counts_where_this_one_knows_nothing() {
        let running = surroundings(Mapping::Dependent, &["50.0.3.1:7", "50.0.3.1:8"]);
        let here = surroundings(Mapping::Unknown, &[]);
        let means = Means { has_seed: true };
        let findings = Findings::new(here, Some(running), None, Vec::new(), means);
        assert_eq!(findings.mapping, Mapping::Dependent);
    }

    #[test]
    fn what_is_missing_is_asked_for_and_nothing_else() {
        let of = |mapping, members: &[Member], has_seed| {
            let here = surroundings(mapping, &["192.168.1.2:7"]);
            let (beyond, udp) = (mapping_beyond(&here), udp(members));
            advice(beyond, udp, &here, members, Means { has_seed }).join(" ")
        };
        let udp = [member(Kind::Udp, true)];
        assert!(of(Mapping::Unknown, &[], false).contains("--seed-file"));
        assert!(of(Mapping::Unknown, &[], true).contains("--via ADDR twice"));
        assert!(of(Mapping::Unknown, &udp, true).contains("second --via"));
        assert!(of(Mapping::None, &udp, true).contains("beyond the local network"));
        assert!(of(Mapping::Unknown, &[silent(Exit::NoAnswer)], true).contains("WebSockets"));
        assert_eq!(of(Mapping::Independent, &udp, true), "");
        let blocked = [member(Kind::WebSocket, true)];
        assert_eq!(of(Mapping::Unknown, &blocked, true), "");
    }

    #[test]
    fn the_end_is_good_if_somebody_answered_or_nobody_was_named() {
        let of = |members| {
            let here = surroundings(Mapping::Unknown, &[]);
            let means = Means { has_seed: true };
            let outcome = Findings::new(here, None, None, members, means).outcome();
            outcome.map_or_else(|failure| failure.exit, |()| Exit::Done)
        };
        assert_eq!(of(vec![]), Exit::Done);
        assert_eq!(
            of(vec![silent(Exit::NoAnswer), member(Kind::Udp, true)]),
            Exit::Done
        );
        assert_eq!(of(vec![silent(Exit::NoAnswer)]), Exit::NoAnswer);
        assert_eq!(
            of(vec![silent(Exit::NoAnswer), silent(Exit::Refused)]),
            Exit::Refused
        );
    }
}
