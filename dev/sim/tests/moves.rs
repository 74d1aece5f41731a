//! Addresses that change under bound sockets and under connections.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod support;

use std::{
    io::ErrorKind,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use stt_sim::{Firewall, Link, Nat};
use support::{
    MIB, World,
    doors::{INSIDE, NEIGHBOUR, OTHER, OUTSIDE, SERVER, Stage},
    patient,
};

fn ip(octets: [u8; 4]) -> IpAddr {
    octets.into()
}

fn addr(octets: [u8; 4], port: u16) -> SocketAddr {
    (octets, port).into()
}

#[test]
fn a_moved_socket_sends_from_its_new_address_and_hears_nothing_at_the_old() {
    let stage = Stage::new();
    let (mut host, mut server) = (stage.bind((OTHER, 5)), stage.bind((SERVER, 1)));
    stage.sim.block_on(async {
        server.send((OTHER, 5)).await;
        stage
            .net
            .readdress(addr(OTHER, 5), addr(NEIGHBOUR, 6))
            .unwrap();
        assert_eq!(
            stage.heard(&mut host).await,
            None,
            "what was on its way is lost"
        );
        assert_eq!(host.addr(), addr(NEIGHBOUR, 6));
        assert_eq!(stage.reach(&server, (OTHER, 5), &mut host).await, None);
        let seen = stage.reach(&host, (SERVER, 1), &mut server).await;
        assert_eq!(seen, Some(host.addr()));
        let heard = stage.reach(&server, (NEIGHBOUR, 6), &mut host).await;
        assert_eq!(heard, Some(server.addr()));
        let mut successor = stage.bind((OTHER, 5));
        let heard = stage.reach(&server, (OTHER, 5), &mut successor).await;
        assert!(heard.is_some(), "the old address is free for others");
        drop(host);
        stage.bind((NEIGHBOUR, 6));
    });
}

#[test]
fn a_moved_host_keeps_its_ports() {
    let stage = Stage::new();
    let peers = [stage.bind((OTHER, 5)), stage.bind((OTHER, 6))];
    stage.net.readdress(ip(OTHER), ip(NEIGHBOUR)).unwrap();
    let addrs = peers.map(|peer| peer.addr());
    assert_eq!(addrs, [addr(NEIGHBOUR, 5), addr(NEIGHBOUR, 6)]);
}

#[test]
fn a_refused_move_changes_nothing() {
    let (stage, _) = Stage::with_nat(Nat::home());
    let peers = [stage.bind((OTHER, 5)), stage.bind((OTHER, 6))];
    let _there = stage.bind((SERVER, 6));
    let kind = |result: std::io::Result<()>| result.unwrap_err().kind();
    let net = &stage.net;
    let v6: IpAddr = "2001:db8::1".parse().unwrap();
    assert_eq!(
        kind(net.readdress(ip(OTHER), ip(SERVER))),
        ErrorKind::AddrInUse
    );
    assert_eq!(
        kind(net.readdress(ip(NEIGHBOUR), ip(INSIDE))),
        ErrorKind::NotFound
    );
    assert_eq!(
        kind(net.readdress(ip(OTHER), ip(OUTSIDE))),
        ErrorKind::AddrNotAvailable
    );
    assert_eq!(
        kind(net.readdress(ip(OTHER), addr(INSIDE, 1))),
        ErrorKind::InvalidInput
    );
    assert_eq!(kind(net.readdress(ip(OTHER), v6)), ErrorKind::InvalidInput);
    assert_eq!(
        kind(net.readdress(ip(OUTSIDE), ip(INSIDE))),
        ErrorKind::InvalidInput
    );
    assert_eq!(
        peers.map(|peer| peer.addr()),
        [addr(OTHER, 5), addr(OTHER, 6)]
    );
}

#[test]
fn a_host_may_move_behind_a_nat_and_a_firewall_stays_where_it_is() {
    let (stage, _) = Stage::with_nat(Nat::home());
    stage.net.firewall(OTHER, Firewall::default());
    let (host, mut server) = (stage.bind((OTHER, 5)), stage.bind((SERVER, 1)));
    stage.net.readdress(ip(OTHER), ip(INSIDE)).unwrap();
    let mut successor = stage.bind((OTHER, 5));
    stage.sim.block_on(async {
        let seen = stage.reach(&host, (SERVER, 1), &mut server).await;
        assert_eq!(seen, Some((OUTSIDE, 5).into()));
        let heard = stage.reach(&server, (OTHER, 5), &mut successor).await;
        assert_eq!(heard, None);
    });
}

#[test]
fn a_moved_nat_takes_its_hosts_along_and_forgets_its_mappings() {
    let (stage, _) = Stage::with_nat(Nat::home());
    let (mut inside, mut server) = (stage.bind((INSIDE, 5)), stage.bind((SERVER, 1)));
    stage.sim.block_on(async {
        stage
            .reach(&inside, (SERVER, 1), &mut server)
            .await
            .unwrap();
        stage.net.readdress(ip(OUTSIDE), ip(OTHER)).unwrap();
        for old in [OUTSIDE, OTHER] {
            let heard = stage.reach(&server, (old, 5), &mut inside).await;
            assert_eq!(heard, None);
        }
        let seen = stage.reach(&inside, (SERVER, 1), &mut server).await;
        assert_eq!(seen, Some((OTHER, 6).into()));
        let heard = stage.reach(&server, seen.unwrap(), &mut inside).await;
        assert_eq!(heard, Some(server.addr()));
    });
}

/// Transfers through a NAT before and after `change`, in mid-connection.
fn transfer_across(change: impl FnOnce(&World, stt_sim::NatId)) {
    let world = World::new(3, Link::lossy(0.01));
    let nat = world.net.nat(OUTSIDE, Nat::symmetric()).unwrap();
    world.net.behind(nat, INSIDE).unwrap();
    world.net.behind(nat, NEIGHBOUR).unwrap();
    world.sim.block_on(async {
        let ends = (addr(INSIDE, 4000), addr(SERVER, 1));
        let pair = world.connect_between(ends.0, ends.1, patient).await;
        pair.transfer(&world.sim, MIB).await;
        change(&world, nat);
        pair.transfer(&world.sim, MIB).await;
        world.sim.sleep(Duration::from_secs(1)).await;
    });
}

#[test]
fn a_connection_lives_through_a_rebinding() {
    transfer_across(|world, nat| world.net.rebind(nat));
}

#[test]
fn a_connection_lives_through_a_new_uplink_of_its_nat() {
    transfer_across(|world, _| world.net.readdress(ip(OUTSIDE), ip(OTHER)).unwrap());
}

#[test]
fn a_connection_lives_through_a_new_address_of_its_client() {
    transfer_across(|world, _| world.net.readdress(ip(INSIDE), ip(NEIGHBOUR)).unwrap());
}
