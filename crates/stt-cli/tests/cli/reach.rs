//! By which names and addresses a listener is bound and found.

use std::{fs, net::Ipv6Addr};

use crate::command::{Place, Running};

const SEED: [&str; 2] = ["--seed-file", "group.seed"];

fn listen_at(place: &Place, bind: &str) -> (Running, String) {
    let mut running = place.start(&[&["listen", "--bind", bind][..], &SEED].concat());
    let line = running.line("listening on ");
    let address = line.split(' ').nth(2).unwrap().to_owned();
    drop(running.stdin.take());
    (running, address)
}

#[test]
fn a_name_of_this_machine_can_be_bound() {
    let place = Place::with_random_seed();
    let (listener, address) = listen_at(&place, "localhost:0");
    assert!(
        address.starts_with("127.0.0.1:") || address.starts_with("[::1]:"),
        "{address}"
    );
    let connected = place.run(&[&["connect", &address][..], &SEED].concat());
    assert_eq!(
        (connected.code, listener.end().code),
        (0, 0),
        "{}",
        connected.stderr
    );
}

#[test]
fn what_cannot_be_bound_is_said_with_what_can() {
    let place = Place::with_random_seed();
    for bind in ["7000", "localhost", "::1:7000", "no-such-host.invalid:0"] {
        let refused = place.run(&[&["listen", "--bind", bind][..], &SEED].concat());
        assert_eq!(refused.code, 2, "{bind}: {}", refused.stderr);
        assert!(refused.stderr.contains("NAME:PORT"), "{}", refused.stderr);
    }
    // An address of nobody here, kept for documentation.
    let refused = place.run(&[&["listen", "--bind", "192.0.2.1:0"][..], &SEED].concat());
    assert_eq!(refused.code, 1, "{}", refused.stderr);
}

/// A link-local address of this machine, as the kernel lists it, and its interface.
fn link_local() -> Option<(Ipv6Addr, String)> {
    let listed = fs::read_to_string("/proc/net/if_inet6").ok()?;
    let line = listed.lines().find(|line| line.starts_with("fe80"))?;
    let address = u128::from_str_radix(line.split(' ').next()?, 16).ok()?;
    Some((address.into(), line.rsplit(' ').next()?.to_owned()))
}

#[test]
fn a_link_local_address_is_reached_by_its_interface() {
    let Some((address, interface)) = link_local() else {
        eprintln!("SKIPPED: this machine has no link-local address");
        return;
    };
    let place = Place::with_random_seed();
    let (listener, bound) = listen_at(&place, &format!("[{address}%{interface}]:0"));
    let (_, port) = bound.rsplit_once(':').unwrap();
    let target = format!("[{address}%{interface}]:{port}");
    let connected = place.run(&[&["connect", &target][..], &SEED].concat());
    assert_eq!(
        (connected.code, listener.end().code),
        (0, 0),
        "{}",
        connected.stderr
    );
}

#[test]
fn of_several_places_the_first_that_leads_to_the_peer_is_taken_and_else_each_says_why() {
    let place = Place::with_random_seed();
    let (listener, address) = listen_at(&place, "127.0.0.1:0");
    // Port 9 is discard: nobody listens there.
    let dead = ["127.0.0.1:9", "ws://127.0.0.1:9"];
    let connected = place.run(&[&["connect"], &dead[..], &[&address], &SEED].concat());
    assert_eq!(
        (connected.code, listener.end().code),
        (0, 0),
        "{}",
        connected.stderr
    );
    let patience = ["--timeout", "1"];
    let refused = place.run(&[&["connect"], &dead[..], &patience, &SEED].concat());
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    for way in dead {
        assert!(refused.stderr.contains(way), "{}", refused.stderr);
    }
}
