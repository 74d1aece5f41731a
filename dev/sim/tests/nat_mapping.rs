//! NATs: which outside address a packet gets, and for how long (RFC 4787, sections 4 and 6).
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod support;

use std::{io::ErrorKind, net::SocketAddr, time::Duration};

use stt_sim::{Dependence, Fate, Nat, Ports, Refresh};
use support::doors::{INSIDE, NEIGHBOUR, OTHER, OUTSIDE, SERVER, Stage};

use Dependence::{AddressAndPortDependent, AddressDependent, EndpointIndependent};

/// The outside ports of one inside socket toward a server's two ports and another server.
fn outside_ports(mapping: Dependence) -> [u16; 3] {
    let (stage, _) = Stage::with_nat(Nat::new(mapping, EndpointIndependent));
    let inside = stage.bind((INSIDE, 4000));
    stage.sim.block_on(async {
        let mut ports = [0; 3];
        for (port, addr) in ports.iter_mut().zip([(SERVER, 1), (SERVER, 2), (OTHER, 1)]) {
            let mut server = stage.bind(addr);
            let seen = stage.reach(&inside, addr, &mut server).await.unwrap();
            assert_eq!(seen.ip(), std::net::IpAddr::from(OUTSIDE));
            *port = seen.port();
        }
        ports
    })
}

#[test]
fn an_endpoint_independent_mapping_is_one_toward_everybody() {
    assert_eq!(outside_ports(EndpointIndependent), [4000, 4000, 4000]);
}

#[test]
fn an_address_dependent_mapping_is_one_for_each_remote_host() {
    assert_eq!(outside_ports(AddressDependent), [4000, 4000, 4001]);
}

#[test]
fn an_address_and_port_dependent_mapping_is_one_for_each_remote_endpoint() {
    assert_eq!(outside_ports(AddressAndPortDependent), [4000, 4001, 4002]);
}

#[test]
fn two_hosts_with_one_port_get_two_outside_ports() {
    let (stage, _) = Stage::with_nat(Nat::home());
    let (a, b) = (stage.bind((INSIDE, 4000)), stage.bind((NEIGHBOUR, 4000)));
    let mut server = stage.bind((SERVER, 1));
    stage.sim.block_on(async {
        let first = stage.reach(&a, (SERVER, 1), &mut server).await;
        let second = stage.reach(&b, (SERVER, 1), &mut server).await;
        assert_eq!(first, Some((OUTSIDE, 4000).into()));
        assert_eq!(second, Some((OUTSIDE, 4001).into()));
    });
}

#[test]
fn random_ports_are_spread_and_not_the_inside_ones() {
    let (stage, _) = Stage::with_nat(Nat::symmetric());
    let inside = stage.bind((INSIDE, 4000));
    let mut server = stage.bind((SERVER, 1));
    let mut other = stage.bind((OTHER, 1));
    stage.sim.block_on(async {
        let a = stage.reach(&inside, (SERVER, 1), &mut server).await;
        let b = stage.reach(&inside, (OTHER, 1), &mut other).await;
        let (a, b) = (a.unwrap().port(), b.unwrap().port());
        assert!(a != 4000 && b != 4000 && a.abs_diff(b) > 1, "{a}, {b}");
    });
}

#[test]
fn an_answer_to_the_outside_address_comes_in() {
    let (stage, nat) = Stage::with_nat(Nat::symmetric());
    let (mut inside, mut server) = (stage.bind((INSIDE, 4000)), stage.bind((SERVER, 1)));
    stage.sim.block_on(async {
        let seen = stage.reach(&inside, (SERVER, 1), &mut server).await;
        let seen = seen.unwrap();
        assert_eq!(
            stage.net.mapped(nat, inside.addr(), server.addr()),
            Some(seen)
        );
        let heard = stage.reach(&server, seen, &mut inside).await;
        assert_eq!(heard, Some(server.addr()));
    });
}

#[test]
fn an_unused_mapping_dies_at_the_end_of_its_lifetime() {
    let (stage, _) = Stage::with_nat(Nat::home());
    let (mut inside, mut server) = (stage.bind((INSIDE, 4000)), stage.bind((SERVER, 1)));
    stage.sim.block_on(async {
        let seen = stage.reach(&inside, (SERVER, 1), &mut server).await;
        stage.pause(119).await;
        let heard = stage.reach(&server, seen.unwrap(), &mut inside).await;
        assert!(heard.is_some(), "119 s after the last packet out");
        stage.pause(1).await;
        let heard = stage.reach(&server, seen.unwrap(), &mut inside).await;
        assert_eq!(heard, None, "120 s after it, whatever came in meanwhile");
    });
}

/// Whether a mapping lives after ten minutes of a packet a minute, out or in.
fn lives(refresh: Refresh, is_out: bool) -> bool {
    let (stage, _) = Stage::with_nat(Nat {
        refresh,
        ..Nat::home()
    });
    let (mut inside, mut server) = (stage.bind((INSIDE, 4000)), stage.bind((SERVER, 1)));
    stage.sim.block_on(async {
        let seen = stage
            .reach(&inside, (SERVER, 1), &mut server)
            .await
            .unwrap();
        for _ in 0..10 {
            stage.pause(60).await;
            if is_out {
                stage.reach(&inside, (SERVER, 1), &mut server).await;
            } else {
                stage.reach(&server, seen, &mut inside).await;
            }
        }
        stage.reach(&server, seen, &mut inside).await.is_some()
    })
}

#[test]
fn packets_out_keep_a_mapping_alive_and_packets_in_only_if_so_configured() {
    assert!(lives(Refresh::Outbound, true));
    assert!(!lives(Refresh::Outbound, false));
    assert!(lives(Refresh::Both, true));
    assert!(lives(Refresh::Both, false));
}

#[test]
fn hosts_behind_one_nat_talk_directly() {
    let (stage, nat) = Stage::with_nat(Nat::home());
    let (a, mut b) = (stage.bind((INSIDE, 1)), stage.bind((NEIGHBOUR, 2)));
    stage.sim.block_on(async {
        let seen = stage.reach(&a, (NEIGHBOUR, 2), &mut b).await;
        assert_eq!(seen, Some(a.addr()));
    });
    assert_eq!(stage.net.mapped(nat, a.addr(), b.addr()), None);
}

#[test]
fn inside_addresses_mean_nothing_outside() {
    let (stage, _) = Stage::with_nat(Nat::home());
    let (mut inside, server) = (stage.bind((INSIDE, 4000)), stage.bind((SERVER, 1)));
    stage.net.capture(true);
    stage.sim.block_on(async {
        let heard = stage.reach(&server, (INSIDE, 4000), &mut inside).await;
        assert_eq!(heard, None);
    });
    assert_eq!(stage.net.packets()[0].fate, Fate::Unreachable);
}

/// Who a host sees when its neighbour sends to its outside address.
fn hairpinned(rules: Nat) -> Option<SocketAddr> {
    let (stage, nat) = Stage::with_nat(rules);
    let (a, mut b) = (stage.bind((INSIDE, 1)), stage.bind((NEIGHBOUR, 2)));
    let mut server = stage.bind((SERVER, 1));
    stage.sim.block_on(async {
        stage.reach(&b, (SERVER, 1), &mut server).await.unwrap();
        let b_outside = stage.net.mapped(nat, b.addr(), server.addr()).unwrap();
        stage.reach(&a, b_outside, &mut b).await
    })
}

#[test]
fn a_hairpin_shows_the_outside_address_of_the_sender_and_filters_like_any_packet() {
    let open = Nat::new(EndpointIndependent, EndpointIndependent);
    assert_eq!(hairpinned(open), None);
    let hairpin = true;
    let seen = hairpinned(Nat { hairpin, ..open });
    assert_eq!(seen, Some((OUTSIDE, 1).into()));
    let filtering = AddressAndPortDependent;
    let seen = hairpinned(Nat {
        hairpin,
        filtering,
        ..open
    });
    assert_eq!(seen, None);
}

#[test]
fn a_nat_behind_a_nat_translates_twice_and_its_sister_is_reached_between_them() {
    let (stage, home) = Stage::with_nat(Nat::home());
    let carrier = stage.net.nat(
        [192, 0, 2, 1],
        Nat {
            ports: Ports::Random,
            ..Nat::home()
        },
    );
    let carrier = carrier.unwrap();
    stage.net.behind(carrier, OUTSIDE).unwrap();
    let sister = [198, 51, 100, 2];
    stage.net.behind(carrier, sister).unwrap();
    let (mut inside, mut server) = (stage.bind((INSIDE, 4000)), stage.bind((SERVER, 1)));
    let mut sister = stage.bind((sister, 5));
    stage.sim.block_on(async {
        let seen = stage
            .reach(&inside, (SERVER, 1), &mut server)
            .await
            .unwrap();
        let between = stage
            .net
            .mapped(home, inside.addr(), server.addr())
            .unwrap();
        assert_eq!(between, (OUTSIDE, 4000).into());
        assert_eq!(
            stage.net.mapped(carrier, between, server.addr()),
            Some(seen)
        );
        let heard = stage.reach(&server, seen, &mut inside).await;
        assert_eq!(heard, Some(server.addr()));
        let seen = stage.reach(&inside, sister.addr(), &mut sister).await;
        assert_eq!(seen, Some(between));
    });
    let looped = stage.net.behind(home, [192, 0, 2, 1]).unwrap_err();
    assert_eq!(looped.kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_rebinding_ends_all_mappings_and_gives_new_ports() {
    let (stage, nat) = Stage::with_nat(Nat::home());
    let (mut inside, mut server) = (stage.bind((INSIDE, 4000)), stage.bind((SERVER, 1)));
    stage.sim.block_on(async {
        let before = stage.reach(&inside, (SERVER, 1), &mut server).await;
        stage.net.rebind(nat);
        let heard = stage.reach(&server, before.unwrap(), &mut inside).await;
        assert_eq!(heard, None);
        let after = stage.reach(&inside, (SERVER, 1), &mut server).await;
        assert_eq!(after, Some((OUTSIDE, 4001).into()));
        let heard = stage.reach(&server, before.unwrap(), &mut inside).await;
        assert_eq!(heard, None, "the old port stays closed");
        let heard = stage.reach(&server, after.unwrap(), &mut inside).await;
        assert_eq!(heard, Some(server.addr()));
    });
}

#[test]
fn a_nat_has_its_address_for_itself_and_a_host_one_nat() {
    let (stage, nat) = Stage::with_nat(Nat::home());
    let bound = stage.net.bind((OUTSIDE, 1).into()).unwrap_err();
    assert_eq!(bound.kind(), ErrorKind::AddrNotAvailable);
    let _server = stage.bind((SERVER, 1));
    for taken in [SERVER, OUTSIDE] {
        let error = stage.net.nat(taken, Nat::home()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    }
    let second = stage.net.nat(OTHER, Nat::home()).unwrap();
    let error = stage.net.behind(second, INSIDE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    stage.net.behind(nat, INSIDE).unwrap();
}

#[test]
fn hundreds_of_sockets_of_a_host_have_a_mapping_each() {
    let (stage, _) = Stage::with_nat(Nat::home());
    let mut server = stage.bind((SERVER, 1));
    stage.sim.block_on(async {
        let mut seen = std::collections::BTreeSet::new();
        let peers: Vec<_> = (0..300).map(|_| stage.bind((INSIDE, 0))).collect();
        for peer in &peers {
            seen.extend(stage.reach(peer, (SERVER, 1), &mut server).await);
        }
        assert_eq!(seen.len(), 300);
        drop(peers);
        let fresh = stage.bind((INSIDE, 49152));
        stage.sim.sleep(Duration::from_secs(1)).await;
        let again = stage.reach(&fresh, (SERVER, 1), &mut server).await;
        assert_eq!(again, Some((OUTSIDE, 49152).into()), "by the same mapping");
    });
}
