//! Members as processes: they find each other and content, are asked by commands, die and come back.

use std::{
    fs,
    io::{Read, Write},
    os::unix::net::UnixStream,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    command::{Place, mode},
    member::{Member, wait_for_members},
};

/// One conversation with the node of a data dir.
fn converse(place: &Place, name: &str, frame: &[u8]) -> Vec<Value> {
    let path = place.path(name).join("control.sock");
    let mut stream = UnixStream::connect(path).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(50)))
        .unwrap();
    stream.write_all(frame).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answers = Vec::new();
    let mut header = [0; 5];
    while stream.read_exact(&mut header).is_ok() {
        let [0, length @ ..] = header else {
            panic!("{header:?}");
        };
        let mut payload = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut payload).unwrap();
        answers.push(serde_json::from_slice(&payload).unwrap());
    }
    answers
}

fn document(request: &Value) -> Vec<u8> {
    let payload = request.to_string();
    let length = (payload.len() as u32).to_be_bytes();
    [&[0][..], &length, payload.as_bytes()].concat()
}

fn announce(place: &Place, name: &str, address: &str) {
    let request = json!({"ask": "announce", "address": address});
    let answers = converse(place, name, &document(&request));
    assert_eq!(answers, [json!({"done": {}})]);
}

/// An address of content that nobody has.
fn address_of(number: usize) -> String {
    format!("{number:064x}")
}

/// What the node of a data dir finds.
fn find(place: &Place, name: &str, what: &str) -> (i32, Vec<String>) {
    let found = place.run(&["find", what, "--data-dir", name]);
    let nodes = found.text().lines();
    let nodes = nodes.map(|line| line.split(' ').next().unwrap().to_owned());
    (found.code, nodes.collect())
}

#[test]
fn members_find_each_other_by_the_node_that_runs_and_by_one_of_their_own() {
    let place = Place::with_random_seed();
    let first = Member::start(&place, "one", &[]);
    let second = Member::start(&place, "two", &[&first.address]);
    wait_for_members(&place, "two", 1);
    let known = place.run(&["peers", "--data-dir", "two"]);
    assert_eq!(known.text(), format!("{} {}\n", first.id, first.address));
    wait_for_members(&place, "one", 1);

    let find = ["find", &second.id, "--bootstrap", &first.address];
    let found = place.run(&[&find[..], &["--seed-file", "group.seed"]].concat());
    assert_eq!(found.code, 0, "{}", found.stderr);
    assert_eq!(found.text(), format!("{} {}\n", second.id, second.address));
    let found = place.run(&["find", &second.id, "--data-dir", "one", "--json"]);
    let found: Value = serde_json::from_str(found.text()).unwrap();
    let expected = json!({"node": second.id, "addresses": [second.address]});
    assert_eq!(found, expected);

    // A stranger's seed opens no door.
    let elsewhere = Place::with_random_seed();
    let peers = ["peers", "--bootstrap", &first.address];
    let refused = elsewhere.run(&[&peers[..], &["--seed-file", "group.seed"]].concat());
    assert_eq!(
        (refused.code, refused.text()),
        (4, ""),
        "{}",
        refused.stderr
    );
}

#[test]
fn content_is_found_by_strangers_after_members_were_killed_and_one_came_back_by_itself() {
    let place = Place::with_random_seed();
    let mut members = vec![Member::start(&place, "0", &[])];
    let first = members[0].address.clone();
    for number in 1..8 {
        let member = Member::start(&place, &number.to_string(), &[&first]);
        members.push(member);
    }
    for number in 0..8 {
        wait_for_members(&place, &number.to_string(), 3);
    }
    for number in 0..12 {
        announce(&place, &(1 + number % 6).to_string(), &address_of(number));
    }
    let check = |asker: &str, members: &[Member]| {
        for number in 0..12 {
            let holder = (1 + number % 6).to_string();
            let holder = members.iter().find(|member| member.name == holder);
            let Some(holder) = holder else { continue };
            let (code, found) = find(&place, asker, &address_of(number));
            assert_eq!((code, found), (0, vec![holder.id.clone()]), "{number}");
        }
    };
    check("7", &members);

    // The one that all others joined by is among those that die.
    for name in ["0", "3"] {
        let place = members.iter().position(|member| member.name == name);
        members.remove(place.unwrap()).running.kill();
    }
    check("7", &members);

    // This one knows nobody but by its data dir, where the dead one's socket still lies. It holds
    // what it announced no more, but finds what others have.
    let stopped = members.iter().position(|member| member.name == "7");
    let stopped = members.remove(stopped.unwrap());
    stopped.running.terminate();
    assert_eq!(stopped.running.end().code, 0);
    let again = Member::start(&place, "7", &[]);
    assert_eq!(again.id, stopped.id);
    members.push(again);
    wait_for_members(&place, "7", 3);
    check("7", &members);
}

#[test]
fn the_socket_is_its_owners_and_goes_with_the_node() {
    let place = Place::with_random_seed();
    let member = Member::start(&place, "here", &[]);
    let socket = place.path("here").join("control.sock");
    assert_eq!(mode(&socket), 0o600);
    let arguments = ["node", "--seed-file", "group.seed", "--data-dir", "here"];
    let second = place.run(&arguments);
    assert_eq!(second.code, 12, "{}", second.stderr);

    // Whatever is said there, the node goes on.
    let peers = document(&json!({"ask": "peers"}));
    for hostile in [
        &b"garbage"[..],
        &[0, 0xff, 0xff, 0xff, 0xff],
        &[9, 0, 0, 0, 0],
        &document(&json!({"ask": "nothing"})),
        &document(&json!({"ask": "find_peer", "node": "nobody"})),
        &peers[..7],
    ] {
        let answers = converse(&place, "here", hostile);
        assert_eq!(answers.len(), 1, "{answers:?}");
        assert_eq!(answers[0]["failed"]["code"], 2, "{answers:?}");
    }
    assert_eq!(converse(&place, "here", &[]), [] as [Value; 0]);
    assert_eq!(converse(&place, "here", &peers), [json!({"done": {}})]);

    member.running.kill();
    assert!(fs::exists(&socket).unwrap());
    let again = Member::start(&place, "here", &[]);
    assert_eq!(converse(&place, "here", &peers), [json!({"done": {}})]);
    again.running.terminate();
    assert_eq!(again.running.end().code, 0);
    assert!(!fs::exists(&socket).unwrap());
}

#[test]
fn who_is_not_there_to_ask_and_what_nobody_has_have_codes_of_their_own() {
    let place = Place::with_random_seed();
    assert_eq!(place.run(&["peers"]).code, 2);
    assert_eq!(place.run(&["peers", "--data-dir", "here"]).code, 4);
    assert_eq!(place.run(&["find", "what", "--data-dir", "here"]).code, 2);
    let (alone, first) = (address_of(1), Member::start(&place, "one", &[]));
    assert_eq!(find(&place, "one", &alone).0, 4);
    let _second = Member::start(&place, "two", &[&first.address]);
    wait_for_members(&place, "two", 1);
    assert_eq!(find(&place, "two", &alone).0, 10);
    announce(&place, "two", &alone);
    assert_eq!(find(&place, "one", &alone).0, 0);
    let withdraw = document(&json!({"ask": "withdraw", "address": alone}));
    converse(&place, "two", &withdraw);
    wait_for_members(&place, "one", 1);
    assert_eq!(find(&place, "one", &alone).0, 10);

    let open = Place::with_passphrase("correct horse battery");
    let arguments = ["node", "--seed-file", "group.seed", "--bootstrap", "a:1"];
    assert_eq!(open.run(&arguments).code, 2);
}

#[test]
fn fifty_members_find_a_hundred_objects_of_strangers_also_after_a_fifth_was_killed() {
    const MEMBERS: usize = 50;
    const OBJECTS: usize = 100;
    let place = Place::with_random_seed();
    let mut members = vec![Member::start(&place, "0", &[])];
    let first = members[0].address.clone();
    for number in 1..MEMBERS {
        members.push(Member::start(&place, &number.to_string(), &[&first]));
    }
    for number in 0..MEMBERS {
        wait_for_members(&place, &number.to_string(), 3);
    }
    let content = |number: usize| format!("object {number}").into_bytes();
    let holder = |number: usize| 1 + number * 7 % (MEMBERS - 1);
    let names: Vec<String> = (0..OBJECTS)
        .map(|number| {
            fs::write(place.path("object"), content(number)).unwrap();
            let holder = holder(number).to_string();
            let put = place.run(&["put", "object", "--data-dir", &holder]);
            assert_eq!(put.code, 0, "{}", put.stderr);
            put.text().trim().to_owned()
        })
        .collect();
    // Whoever asks has nothing to do with who holds it, and never asked for it before.
    let check = |step: usize, is_there: &dyn Fn(usize) -> bool| {
        for (number, name) in names.iter().enumerate() {
            let asker = (holder(number) + step) % MEMBERS;
            if is_there(holder(number)) && is_there(asker) {
                let got = place.run(&["get", name, "--data-dir", &asker.to_string()]);
                assert_eq!(got.code, 0, "{number}: {}", got.stderr);
                assert_eq!(got.stdout, content(number));
            }
        }
    };
    check(13, &|_| true);
    // The one that all others joined by is among those that die.
    let is_killed = |number: usize| number.is_multiple_of(5);
    for number in (0..MEMBERS).rev().filter(|number| is_killed(*number)) {
        members.remove(number).running.kill();
    }
    check(14, &|number| !is_killed(number));
}
