//! `stt put` and `stt get`: objects from one process to another, also when one is killed.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::UdpSocket,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::command::{Place, Running, bytes};

/// Puts a file, and says where it is served and what names it.
fn put(place: &Place, file: &str, more: &[&str]) -> (Running, String, String) {
    let bind = ["--bind", "127.0.0.1:0"];
    let arguments = [&["put", file, "--seed-file", "group.seed"], &bind[..], more].concat();
    let mut running = place.start(&arguments);
    let line = running.line("listening on ");
    let address = line.split(' ').nth(2).unwrap().to_owned();
    let mut named = String::new();
    let out = running.stdout.as_mut().unwrap();
    BufReader::new(out).read_line(&mut named).unwrap();
    (running, address, named.trim_end().to_owned())
}

#[test]
fn what_is_put_here_is_got_there_from_two_members_at_once() {
    let place = Place::with_random_seed();
    let content = bytes((3 << 20) + 5, 1);
    fs::write(place.path("one"), &content).unwrap();
    let (one, first, address) = put(&place, "one", &[]);
    let (other, second, reference) = put(&place, "one", &["--ref"]);
    assert!(reference.starts_with(&address), "{reference}");
    for named in [&address, &reference] {
        let get = ["get", named, "--seed-file", "group.seed", "-o", "again"];
        let from = ["--from", &first, "--from", &second];
        let got = place.run(&[&get[..], &from].concat());
        assert_eq!(got.code, 0, "{}", got.stderr);
        assert!(fs::read(place.path("again")).unwrap() == content);
        assert!(!place.path("again.stt-part").exists());
        fs::remove_file(place.path("again")).unwrap();
    }
    let absent = "0".repeat(64);
    let get = [
        "get",
        &absent,
        "--seed-file",
        "group.seed",
        "--from",
        &first,
    ];
    let got = place.run(&get);
    assert_eq!(got.code, 10, "{}", got.stderr);
    drop((one, other));
}

#[test]
fn nobody_there_is_told_from_nothing_there() {
    let place = Place::with_random_seed();
    let absent = "0".repeat(64);
    let get = [
        "get",
        &absent,
        "--seed-file",
        "group.seed",
        "--timeout",
        "0.5",
    ];
    let got = place.run(&[&get[..], &["--from", "127.0.0.1:9"]].concat());
    assert_eq!(got.code, 4, "{}", got.stderr);
    let nowhere = place.run(&get);
    assert_eq!(nowhere.code, 2, "{}", nowhere.stderr);
}

/// Carries datagrams to `server` and back, and back no faster than `rate` bytes a second.
fn slow_line(server: &str, rate: u64) -> String {
    let front = UdpSocket::bind("127.0.0.1:0").unwrap();
    let back = UdpSocket::bind("127.0.0.1:0").unwrap();
    back.connect(server).unwrap();
    let address = front.local_addr().unwrap().to_string();
    let (reply, forth) = (front.try_clone().unwrap(), back.try_clone().unwrap());
    let client = std::sync::Arc::new(std::sync::Mutex::new(None));
    let seen = std::sync::Arc::clone(&client);
    thread::spawn(move || {
        let mut datagram = [0; 2_000];
        while let Ok((len, from)) = front.recv_from(&mut datagram) {
            *seen.lock().unwrap() = Some(from);
            let _ = forth.send(&datagram[..len]);
        }
    });
    thread::spawn(move || {
        let mut datagram = [0; 2_000];
        let mut free_at = Instant::now();
        loop {
            // Refused when nobody listens there any more.
            let Ok(len) = back.recv(&mut datagram) else {
                continue;
            };
            let now = Instant::now();
            free_at = free_at.max(now) + Duration::from_nanos(len as u64 * 1_000_000_000 / rate);
            thread::sleep(free_at.saturating_duration_since(now + Duration::from_millis(2)));
            let to = *client.lock().unwrap();
            if let Some(to) = to {
                let _ = reply.send_to(&datagram[..len], to);
            }
        }
    });
    address
}

/// What a line of progress says, if it is one.
fn progress(line: &str) -> Option<(u64, u64)> {
    let value: Value = serde_json::from_str(line).ok()?;
    (value["event"] == "progress").then_some(())?;
    Some((value["verified"].as_u64()?, value["resumed"].as_u64()?))
}

#[test]
fn get_that_was_killed_goes_on_and_lost_no_more_than_two_seconds() {
    let place = Place::with_random_seed();
    let content = bytes(80 << 20, 2);
    fs::write(place.path("one"), &content).unwrap();
    let (one, server, reference) = put(&place, "one", &["--ref"]);
    let line = slow_line(&server, 12 << 20);
    let get = [
        "get",
        &reference,
        "--seed-file",
        "group.seed",
        "--json",
        "-o",
        "again",
        "--from",
    ];
    let mut running = place.start(&[&get[..], &[&line]].concat());
    // The session may find a faster way than the slow line, so the server is stopped early on.
    let mut had = 0;
    while had < 4 << 20 {
        had = progress(&running.line("{")).map_or(had, |(verified, _)| verified);
    }
    one.signal("-STOP");
    std::thread::sleep(Duration::from_secs(2));
    running.kill();
    one.signal("-CONT");
    assert!(!place.path("again").exists());

    let again = place.run(&[&get[..], &[&server]].concat());
    assert_eq!(again.code, 0, "{}", again.stderr);
    let resumed = again
        .stderr
        .lines()
        .filter_map(progress)
        .map(|(_, resumed)| resumed)
        .max();
    assert!(resumed >= Some(had), "{resumed:?} of {had}");
    assert!(fs::read(place.path("again")).unwrap() == content);
    assert!(!place.path("again.stt-part").exists());
}
