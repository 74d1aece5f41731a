//! NATs and firewalls: whose packets come in (RFC 4787, section 5), and when that is decided.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod support;

use std::time::Duration;

use stt_sim::{Dependence, Fate, Firewall, Link, Nat, Net, Sim};
use support::{
    bare,
    doors::{INSIDE, OTHER, OUTSIDE, SERVER, Stage},
};

use Dependence::{AddressAndPortDependent, AddressDependent, EndpointIndependent};

/// After a packet to a server: who comes in of that endpoint, another port of the same host, and
/// another host.
fn admitted(filtering: Dependence) -> [bool; 3] {
    let (stage, _) = Stage::with_nat(Nat::new(EndpointIndependent, filtering));
    let mut inside = stage.bind((INSIDE, 4000));
    let mut senders = [(SERVER, 1), (SERVER, 2), (OTHER, 1)].map(|addr| stage.bind(addr));
    stage.sim.block_on(async {
        for sender in &senders {
            let early = stage.reach(sender, (OUTSIDE, 4000), &mut inside).await;
            assert_eq!(early, None, "before any packet out nobody is let in");
        }
        stage
            .reach(&inside, (SERVER, 1), &mut senders[0])
            .await
            .unwrap();
        let mut admitted = [false; 3];
        for (is_in, sender) in admitted.iter_mut().zip(&senders) {
            let heard = stage.reach(sender, (OUTSIDE, 4000), &mut inside).await;
            assert!(heard.is_none_or(|addr| addr == sender.addr()));
            *is_in = heard.is_some();
        }
        admitted
    })
}

#[test]
fn endpoint_independent_filtering_lets_everybody_in() {
    assert_eq!(admitted(EndpointIndependent), [true, true, true]);
}

#[test]
fn address_dependent_filtering_lets_in_hosts_that_were_sent_to() {
    assert_eq!(admitted(AddressDependent), [true, true, false]);
}

#[test]
fn address_and_port_dependent_filtering_lets_in_endpoints_that_were_sent_to() {
    assert_eq!(admitted(AddressAndPortDependent), [true, false, false]);
}

#[test]
fn a_refused_packet_is_told_from_a_lost_one() {
    let (stage, _) = Stage::with_nat(Nat::home());
    let (mut inside, mut server) = (stage.bind((INSIDE, 4000)), stage.bind((SERVER, 1)));
    stage.net.capture(true);
    stage.sim.block_on(async {
        stage.reach(&server, (OUTSIDE, 4000), &mut inside).await;
        stage.reach(&inside, (SERVER, 1), &mut server).await;
        stage.reach(&server, (OUTSIDE, 4000), &mut inside).await;
    });
    let packets = stage.net.packets();
    let seen: Vec<_> = packets.iter().map(|p| (p.from, p.to, p.fate)).collect();
    let (inside, outside, server) = (inside.addr(), (OUTSIDE, 4000).into(), server.addr());
    let expected = [
        (server, outside, Fate::Delivered),
        (server, outside, Fate::Filtered),
        (outside, server, Fate::Delivered),
        (server, outside, Fate::Delivered),
        (server, inside, Fate::Delivered),
    ];
    assert_eq!(seen, expected);
    assert_eq!(
        packets[1].sent,
        Duration::from_nanos(25_002_640),
        "on arrival"
    );
    let stats = stage.net.stats(server, outside);
    assert_eq!((stats.sent, stats.delivered, stats.filtered), (2, 2, 1));
}

/// What comes of two hosts, behind a NAT each, that send to the addresses a server saw.
#[derive(Debug, PartialEq)]
struct Punch {
    /// Who hears the other's first packet.
    heard: [bool; 2],
    /// Whether an answer to what was heard comes back, if anything was.
    is_answered: bool,
}

/// The second host sends `apart` later than the first.
fn punch(rules: [Nat; 2], apart: Duration) -> Punch {
    let stage = Stage::new();
    let mut server = stage.bind((SERVER, 1));
    let [mut a, mut b] = [(1, rules[0]), (2, rules[1])].map(|(n, rules)| {
        let nat = stage.net.nat([198, 51, 100, n], rules).unwrap();
        stage.net.behind(nat, [192, 168, n, 1]).unwrap();
        stage.bind(([192, 168, n, 1], 4000))
    });
    stage.sim.block_on(async {
        let a_seen = stage.reach(&a, (SERVER, 1), &mut server).await.unwrap();
        let b_seen = stage.reach(&b, (SERVER, 1), &mut server).await.unwrap();
        a.send(b_seen).await;
        stage.sim.sleep(apart).await;
        b.send(a_seen).await;
        let (at_a, at_b) = (stage.heard(&mut a).await, stage.heard(&mut b).await);
        let answer = match (at_a, at_b) {
            (Some(from), _) => stage.reach(&a, from, &mut b).await,
            (None, Some(from)) => stage.reach(&b, from, &mut a).await,
            (None, None) => None,
        };
        Punch {
            heard: [at_a.is_some(), at_b.is_some()],
            is_answered: answer.is_some(),
        }
    })
}

#[test]
fn packets_that_cross_let_each_other_in_and_one_that_comes_too_early_is_lost() {
    let heard = |millis| {
        let rules = [Nat::home(), Nat::home()];
        let punch = punch(rules, Duration::from_millis(millis));
        assert!(punch.is_answered);
        punch.heard
    };
    assert_eq!(heard(0), [true, true]);
    assert_eq!(heard(24), [true, true]);
    assert_eq!(heard(26), [true, false]);
}

#[test]
fn a_symmetric_nat_meets_only_a_nat_that_does_not_filter_by_port() {
    let met = |rules| punch([Nat::symmetric(), rules], Duration::ZERO);
    let apart = Punch {
        heard: [false, false],
        is_answered: false,
    };
    assert_eq!(met(Nat::symmetric()), apart);
    assert_eq!(met(Nat::home()), apart);
    let by_address = Nat::new(EndpointIndependent, AddressDependent);
    let answered = Punch {
        heard: [false, true],
        is_answered: true,
    };
    assert_eq!(met(by_address), answered);
}

#[test]
fn a_firewall_lets_all_out_and_only_answers_in() {
    let stage = Stage::new();
    let (mut host, mut server) = (stage.bind((OTHER, 5)), stage.bind((SERVER, 1)));
    let stranger = stage.bind((SERVER, 2));
    stage.net.firewall(OTHER, Firewall::default());
    stage.sim.block_on(async {
        assert_eq!(stage.reach(&server, (OTHER, 5), &mut host).await, None);
        let seen = stage.reach(&host, (SERVER, 1), &mut server).await;
        assert_eq!(seen, Some(host.addr()), "nothing is translated");
        let heard = stage.reach(&server, (OTHER, 5), &mut host).await;
        assert_eq!(heard, Some(server.addr()));
        assert_eq!(stage.reach(&stranger, (OTHER, 5), &mut host).await, None);
        stage.pause(120).await;
        assert_eq!(stage.reach(&server, (OTHER, 5), &mut host).await, None);
        stage.net.lift_firewall(OTHER);
        let heard = stage.reach(&stranger, (OTHER, 5), &mut host).await;
        assert_eq!(heard, Some(stranger.addr()));
    });
}

#[test]
fn without_udp_nothing_passes_until_it_is_allowed_again() {
    let (stage, _) = Stage::with_nat(Nat::new(EndpointIndependent, EndpointIndependent));
    let (mut inside, mut server) = (stage.bind((INSIDE, 4000)), stage.bind((SERVER, 1)));
    let mut neighbour = stage.bind((support::doors::NEIGHBOUR, 1));
    stage.sim.block_on(async {
        for place in [INSIDE, OUTSIDE] {
            stage
                .reach(&inside, (SERVER, 1), &mut server)
                .await
                .unwrap();
            stage.net.forbid_udp(place);
            assert_eq!(stage.reach(&inside, (SERVER, 1), &mut server).await, None);
            assert_eq!(
                stage.reach(&server, (OUTSIDE, 4000), &mut inside).await,
                None
            );
            let beside = stage.reach(&inside, neighbour.addr(), &mut neighbour).await;
            assert_eq!(beside.is_some(), place == OUTSIDE, "an uplink is no cable");
            stage.net.allow_udp(place);
            assert!(
                stage
                    .reach(&inside, (SERVER, 1), &mut server)
                    .await
                    .is_some()
            );
            let back = stage.reach(&server, (OUTSIDE, 4000), &mut inside).await;
            assert!(back.is_some());
        }
    });
}

#[test]
fn a_host_without_udp_on_the_open_network_is_silent_and_others_are_not() {
    let stage = Stage::new();
    let (mut host, mut server) = (stage.bind((OTHER, 5)), stage.bind((SERVER, 1)));
    let mut third = stage.bind((OUTSIDE, 1));
    stage.net.forbid_udp(OTHER);
    stage.sim.block_on(async {
        assert_eq!(stage.reach(&server, (OTHER, 5), &mut host).await, None);
        assert_eq!(stage.reach(&host, (SERVER, 1), &mut server).await, None);
        stage.net.inject(server.addr(), host.addr(), b"forged");
        assert_eq!(stage.heard(&mut host).await, None);
        let seen = stage.reach(&server, (OUTSIDE, 1), &mut third).await;
        assert_eq!(seen, Some(server.addr()));
    });
}

#[test]
fn a_partition_holds_for_the_address_on_either_side_of_a_nat() {
    let (stage, _) = Stage::with_nat(Nat::new(EndpointIndependent, EndpointIndependent));
    let (mut inside, mut server) = (stage.bind((INSIDE, 4000)), stage.bind((SERVER, 1)));
    let remote = std::net::IpAddr::from(SERVER);
    stage.sim.block_on(async {
        stage
            .reach(&inside, (SERVER, 1), &mut server)
            .await
            .unwrap();
        for place in [INSIDE, OUTSIDE].map(std::net::IpAddr::from) {
            stage.net.partition(place, remote);
            let out = stage.reach(&inside, (SERVER, 1), &mut server).await;
            let back = stage.reach(&server, (OUTSIDE, 4000), &mut inside).await;
            assert_eq!((out, back), (None, None));
            stage.net.heal(place, remote);
        }
        let out = stage.reach(&inside, (SERVER, 1), &mut server).await;
        assert!(out.is_some());
    });
}

#[test]
fn a_host_killed_behind_its_nat_loses_what_is_on_its_way() {
    let (stage, _) = Stage::with_nat(Nat::home());
    let (mut inside, mut server) = (stage.bind((INSIDE, 4000)), stage.bind((SERVER, 1)));
    stage.sim.block_on(async {
        stage
            .reach(&inside, (SERVER, 1), &mut server)
            .await
            .unwrap();
        server.send((OUTSIDE, 4000)).await;
        stage.net.kill(std::net::IpAddr::from(INSIDE));
        stage.net.revive(std::net::IpAddr::from(INSIDE));
        assert_eq!(stage.heard(&mut inside).await, None);
        let heard = stage.reach(&server, (OUTSIDE, 4000), &mut inside).await;
        assert!(heard.is_some());
        stage.net.kill(std::net::IpAddr::from(INSIDE));
        let heard = stage.reach(&server, (OUTSIDE, 4000), &mut inside).await;
        assert_eq!(heard, None);
    });
}

/// The digest of some minutes with two NATs, random ports, lossy links and a rebinding.
fn run(seed: u64) -> u64 {
    let sim = Sim::new(seed);
    let net = Net::new(&sim, Link::mobile());
    let nats = [1, 2].map(|n| {
        let nat = net.nat([198, 51, 100, n], Nat::symmetric()).unwrap();
        net.behind(nat, [192, 168, n, 1]).unwrap();
        nat
    });
    let peers = [1, 2].map(|n| net.bind(([192, 168, n, 1], 4000).into()).unwrap());
    let server = net.bind((SERVER, 1).into()).unwrap();
    sim.block_on(async {
        for round in 0..100_u16 {
            for (peer, nat) in peers.iter().zip(nats) {
                let local = peer.local_addr().unwrap();
                bare::send(&**peer, (SERVER, 1).into(), b"ping", None).await;
                bare::send(
                    &**peer,
                    ([198, 51, 100, 1], 2000 + round).into(),
                    b"guess",
                    None,
                )
                .await;
                let seen = net.mapped(nat, local, (SERVER, 1).into()).unwrap();
                bare::send(&*server, seen, b"pong", None).await;
            }
            sim.sleep(Duration::from_secs(3)).await;
            if round == 50 {
                net.rebind(nats[0]);
            }
        }
    });
    net.trace()
}

#[test]
fn one_seed_is_one_run_with_nats_too() {
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}
