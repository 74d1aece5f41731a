//! Members that find each other where there is no IPv4: by multicast on each link, at addresses that
//! count on that link alone.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use stt::{Group, LanOptions, Neighbour, Node, PathKind, SystemEntropy, Target};
use stt_lab::{Host, Lab, NatKind};

use crate::lab;
use crate::members::{Member, Pair};

/// A member at any port of all IPv6 addresses, which speaks on its links.
fn member(host: &Host, group: &Group) -> Member {
    let everywhere = (Ipv6Addr::UNSPECIFIED, 0).into();
    let builder = Node::builder(group.clone()).bind(everywhere);
    Member::start(host, builder.lan(LanOptions::default()))
}

/// Hosts on a link of their own, which have no addresses but those that their kernels make.
fn on_a_link<const N: usize>(lab: &Lab, link: &str, names: [&str; N]) -> [Host; N] {
    let router = lab.nat(link, NatKind::MODERATE).unwrap();
    names.map(|name| {
        let host = lab.host_behind(name, &router).unwrap();
        host.uplink().take_ipv4().unwrap();
        host
    })
}

fn find(seeker: &Member, sought: &Member) -> Neighbour {
    let (node, peer) = (seeker.node.clone(), sought.node.id());
    seeker
        .run(async move { node.neighbour(Some(peer)).await })
        .unwrap()
}

/// On which interface; it is link-local.
fn interface(address: SocketAddr) -> u32 {
    let SocketAddr::V6(at) = address else {
        panic!("{address}");
    };
    assert!(at.ip().is_unicast_link_local(), "{address}");
    at.scope_id()
}

#[test]
fn members_find_each_other_and_have_a_session_on_a_link_without_ipv4() {
    let Some(lab) = lab() else { return };
    let group = Group::generate(&mut SystemEntropy);
    let hosts = on_a_link(&lab, "link", ["one", "two", "else"]);
    let capture = hosts[0].capture(1 << 20).unwrap();
    let members = [&hosts[0], &hosts[1]].map(|host| member(host, &group));
    let stranger = member(&hosts[2], &Group::generate(&mut SystemEntropy));
    let found = find(&members[0], &members[1]);
    find(&members[1], &members[0]);
    assert_ne!(interface(found.addresses[0]), 0);
    let pair = Pair::join(members, Target::from(&found));
    pair.transfer(100_000);
    assert_eq!(pair.kinds(), [PathKind::Udp; 2]);
    let remote = pair.sessions[0].stats().path.remote;
    assert_eq!(remote, Some(found.addresses[0]));
    // Nobody has heard of them beyond the link, nor does a stranger know whom it heard.
    assert_eq!(stranger.node.neighbours(), []);
    let packets = capture.packets();
    let multicast = packets.iter().filter(|packet| {
        let to = packet.destination().map(|to| to.ip());
        matches!(to, Some(IpAddr::V6(ip)) if ip.is_multicast())
    });
    let beacons: Vec<_> = multicast.collect();
    assert!(!beacons.is_empty());
    for beacon in beacons {
        assert_eq!(beacon.payload().unwrap().len(), 305);
        assert_eq!(beacon.bytes[HOP_LIMIT], 1);
    }
}

#[test]
fn a_member_on_two_links_reaches_each_neighbour_by_the_link_where_it_was_heard() {
    let Some(lab) = lab() else { return };
    let group = Group::generate(&mut SystemEntropy);
    let [near, between] = on_a_link(&lab, "near-link", ["near", "between"]);
    let router = lab.nat("far-link", NatKind::MODERATE).unwrap();
    let far = lab.host_behind("far", &router).unwrap();
    far.uplink().take_ipv4().unwrap();
    between.attach_behind(&router).unwrap().take_ipv4().unwrap();
    let [near, far, between] = [&near, &far, &between].map(|host| member(host, &group));
    let interfaces = [&near, &far].map(|neighbour| {
        let found = find(&between, neighbour);
        let session = between.connect(&found);
        assert_eq!(session.peer(), neighbour.node.id());
        find(neighbour, &between);
        interface(found.addresses[0])
    });
    assert_ne!(interfaces[0], interfaces[1]);
    for (here, there) in [(&near, &far), (&far, &near)] {
        let known = here.node.neighbours();
        assert!(known.iter().all(|found| found.peer != there.node.id()));
    }
}

/// In the header of IPv6.
const HOP_LIMIT: usize = 7;
