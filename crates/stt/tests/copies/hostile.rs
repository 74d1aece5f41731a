//! Owners and keepers that lie, stall or flood: what each costs is bounded.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use stc::Identity;
use stt::{NodeSeed, ReplicateOptions, Session};
use stt_sim::{Link, Sim};
use stt_wire::{
    ContentAnswer, ContentRequest, Declined, FrameDecoder, Holding, KeepAnswer, KeepRequest, Open,
    Spans, StreamKind, VarInt,
};

use crate::keepers::{MIB, Owner, keepers, kept_by};
use crate::raw::RawMember;
use crate::support::{World, address, in_world, payload};
use crate::village::Village;

/// What a false keeper says to a request; nothing more ever comes after `None`.
type Deed = dyn Fn(KeepRequest, u32) -> Option<KeepAnswer> + Send + Sync;

/// A false keeper on a host, in a session with the owner. It is asked again every two seconds until it says something
/// that is the last answer.
async fn villain(
    world: &World,
    host: u8,
    owner: &Owner,
    deed: impl Fn(KeepRequest, u32) -> Option<KeepAnswer> + Send + Sync + 'static,
) -> Session {
    let raw = RawMember::new(world, host);
    let at = owner.node.local_addresses()[0];
    let (connection, control) = raw.session(at).await;
    let id = raw.id;
    let session = loop {
        let session = owner.node.accept().await.unwrap();
        if session.peer() == id {
            break session;
        }
    };
    let (sim, deed): (Sim, Arc<Deed>) = (world.sim.clone(), Arc::new(deed));
    drop(world.sim.spawn(async move {
        let _kept = (raw, control);
        while let Ok((send, recv)) = connection.accept_bi().await {
            let acting = act(sim.clone(), send, recv, Arc::clone(&deed));
            drop(sim.spawn(acting));
        }
    }));
    session
}

async fn act(sim: Sim, mut send: noq::SendStream, mut recv: noq::RecvStream, deed: Arc<Deed>) {
    let Ok(asked) = recv.read_to_end(1_000).await else {
        return;
    };
    let (mut decoder, mut asked) = (FrameDecoder::new(1_000), Bytes::from(asked));
    let open = decoder.decode(&mut asked).unwrap().unwrap();
    if Open::decode(open).unwrap().kind != StreamKind::KeepRequest {
        return;
    }
    let request = decoder.decode(&mut asked).unwrap().unwrap();
    let request = KeepRequest::decode(request).unwrap();
    for said in 0.. {
        let answer = deed(request, said);
        let mut out = BytesMut::new();
        if let Some(answer) = answer {
            answer.encode(&mut out);
        }
        if send.write_all(&out).await.is_err() {
            return;
        }
        let is_last = !matches!(answer, None | Some(KeepAnswer::Keeping { .. }));
        if is_last {
            let _ = send.finish();
            return;
        }
        sim.sleep(Duration::from_secs(2)).await;
    }
}

fn number(value: u64) -> VarInt {
    VarInt::new(value).unwrap()
}

/// Checks every minute; asks these before any other.
fn asking_first(copies: usize, session: &Session) -> ReplicateOptions {
    let mut options = ReplicateOptions::copies(copies);
    options.check_every = Duration::from_secs(60);
    options.keepers = vec![session.into()];
    options
}

#[test]
fn a_keeper_whose_proof_is_false_is_replaced_and_asked_no_more() {
    in_world(61, Link::lan(), async |sim, world| {
        let _village = Village::new(&sim, &world, 6).await;
        let keepers = keepers(&sim, &world, 20..21, 64 * MIB).await;
        let owner = Owner::new(&sim, &world, 30).await;
        let lies = |request, _| {
            Some(match request {
                KeepRequest::Keep { lease, .. } => KeepAnswer::Kept { lease },
                KeepRequest::Prove { .. } => KeepAnswer::Proof { hash: [7; 32] },
            })
        };
        let liar = villain(&world, 50, &owner, lies).await;
        let object = owner.store(&payload(1, 300_000)).await;
        let options = asking_first(1, &liar);
        let mut replication = owner.replicate_with(object, options).await;
        replication.placed().await.unwrap();
        assert_eq!(kept_by(&replication), [liar.peer()]);
        sim.sleep(Duration::from_secs(90)).await;
        assert_eq!(kept_by(&replication), [keepers[0].node.id()]);
        assert_eq!(replication.status().kept(), 1);
    });
}

#[test]
fn keepers_that_take_for_ever_hold_up_nobody_for_longer_than_two_minutes() {
    in_world(62, Link::lan(), async |sim, world| {
        let _village = Village::new(&sim, &world, 6).await;
        let keepers = keepers(&sim, &world, 20..21, 64 * MIB).await;
        let owner = Owner::new(&sim, &world, 30).await;
        // One says nothing, one that it has a byte more each time, one that it is busy.
        let deeds: [fn(KeepRequest, u32) -> Option<KeepAnswer>; 3] = [
            |_, _| None,
            |_, said| {
                Some(KeepAnswer::Keeping {
                    here: number(said.into()),
                })
            },
            |_, _| {
                Some(KeepAnswer::Busy {
                    wait: number(1 << 40),
                })
            },
        ];
        for (host, deed) in (50..).zip(deeds) {
            let slow = villain(&world, host, &owner, deed).await;
            let object = owner.store(&payload(host.into(), 300_000)).await;
            let begun = sim.elapsed();
            let mut replication = owner.replicate_with(object, asking_first(1, &slow)).await;
            replication.placed().await.unwrap();
            let took = sim.elapsed().saturating_sub(begun);
            assert!(took < Duration::from_secs(120), "{host}: {took:?}");
            assert_eq!(kept_by(&replication), [keepers[0].node.id()], "{host}");
        }
    });
}

/// An owner that asks for copies of made-up objects and gives nothing. Returns what it was answered.
async fn ask(
    connection: &noq::Connection,
    address: u8,
    length: u64,
) -> (noq::SendStream, noq::RecvStream) {
    let (mut send, recv) = connection.open_bi().await.unwrap();
    let mut out = BytesMut::new();
    let kind = StreamKind::KeepRequest;
    Open { kind }.encode(&mut out);
    let request = KeepRequest::Keep {
        address: [address; 32],
        root: [address; 32],
        length: number(length),
        lease: number(3_600),
    };
    request.encode(&mut out);
    send.write_all(&out).await.unwrap();
    send.finish().unwrap();
    (send, recv)
}

async fn last_answer(recv: &mut noq::RecvStream) -> KeepAnswer {
    let mut bytes = Bytes::from(recv.read_to_end(10_000).await.unwrap());
    let mut decoder = FrameDecoder::new(64);
    let mut last = None;
    while let Some(frame) = decoder.decode(&mut bytes).unwrap() {
        last = Some(KeepAnswer::decode(frame).unwrap());
    }
    last.unwrap()
}

#[test]
fn an_owner_that_asks_for_much_and_gives_nothing_holds_its_share_for_a_minute() {
    in_world(63, Link::lan(), async |sim, world| {
        let _village = Village::new(&sim, &world, 6).await;
        let keeper = &keepers(&sim, &world, 20..21, 64 * MIB).await[0];
        let raw = RawMember::new(&world, 50);
        let (connection, _control) = raw.session(address(20)).await;
        let mut asked = Vec::new();
        for number in 0..12 {
            asked.push(ask(&connection, number, 20 * MIB).await);
        }
        sim.sleep(Duration::from_secs(5)).await;
        assert_eq!(keeper.kept(), (40 * MIB, 0), "two objects of one owner");
        let mut answers = Vec::new();
        for (_, recv) in &mut asked {
            answers.push(last_answer(recv).await);
        }
        let uncome = KeepAnswer::Declined {
            reason: Declined::Uncome,
        };
        let count =
            |wanted: fn(&KeepAnswer) -> bool| answers.iter().filter(|it| wanted(it)).count();
        assert_eq!(
            answers.iter().filter(|answer| **answer == uncome).count(),
            2,
            "{answers:?}"
        );
        assert_eq!(
            count(|it| matches!(it, KeepAnswer::Busy { .. })),
            10,
            "{answers:?}"
        );
        assert_eq!(keeper.kept(), (0, 0));
        let (_send, mut huge) = ask(&connection, 99, 1 << 50).await;
        let full = KeepAnswer::Declined {
            reason: Declined::Full,
        };
        assert_eq!(last_answer(&mut huge).await, full);
    });
}

/// Gives one block to whoever asks for it, as the object of an address that is another's.
async fn give(
    (mut send, mut recv): (noq::SendStream, noq::RecvStream),
    (address, root, block): ([u8; 32], [u8; 32], Vec<u8>),
    identity: Arc<Identity>,
) {
    let asked = recv.read_to_end(1_000).await.unwrap();
    let (mut decoder, mut asked) = (FrameDecoder::new(1_000), Bytes::from(asked));
    decoder.decode(&mut asked).unwrap().unwrap();
    let request = decoder.decode(&mut asked).unwrap().unwrap();
    let length = number(block.len() as u64);
    let mut out = BytesMut::new();
    match ContentRequest::decode(request).unwrap() {
        ContentRequest::Look { .. } => {
            let signed = [&address[..], &root, &length.get().to_be_bytes()].concat();
            let signature = identity.sign("content claim", &signed);
            let holding = Holding {
                root,
                signature,
                length,
            };
            ContentAnswer::Holding(holding).encode(&mut out);
            ContentAnswer::Have(Spans::all(1)).encode(&mut out);
        }
        ContentRequest::Take { .. } => {
            ContentAnswer::Piece { len: length }.encode(&mut out);
            out.extend_from_slice(&block);
        }
    }
    let _ = send.write_all(&out).await;
    let _ = send.finish();
}

#[test]
fn an_owner_that_names_a_false_address_is_told_so_and_nothing_of_it_stays() {
    in_world(64, Link::lan(), async |sim, world| {
        let _village = Village::new(&sim, &world, 6).await;
        let keeper = &keepers(&sim, &world, 20..21, 64 * MIB).await[0];
        let raw = RawMember::new(&world, 50);
        let seed = NodeSeed::from_bytes(world.sim.entropy("raw member 50").bytes());
        let identity = Arc::new(seed.identity());
        let (connection, _control) = raw.session(address(20)).await;
        let block = payload(1, 500_000);
        let root = *blake3::hash(&block).as_bytes();
        let (mut send, mut recv) = connection.open_bi().await.unwrap();
        let mut out = BytesMut::new();
        let kind = StreamKind::KeepRequest;
        Open { kind }.encode(&mut out);
        let (length, lease) = (number(500_000), number(3_600));
        let address = [7; 32];
        KeepRequest::Keep {
            address,
            root,
            length,
            lease,
        }
        .encode(&mut out);
        send.write_all(&out).await.unwrap();
        send.finish().unwrap();
        let giving = async {
            while let Ok(stream) = connection.accept_bi().await {
                let object = (address, root, block.clone());
                drop(sim.spawn(give(stream, object, Arc::clone(&identity))));
            }
        };
        let answered = async {
            tokio::select! { answer = last_answer(&mut recv) => Some(answer), () = giving => None }
        };
        let answered = sim.timeout(Duration::from_secs(10), answered).await;
        let reason = Declined::False;
        assert_eq!(answered.unwrap(), Some(KeepAnswer::Declined { reason }));
        assert_eq!(keeper.kept(), (0, 0));
        assert_eq!(keeper.storage.stats().await.unwrap().objects, 0);
    });
}

#[test]
fn requests_that_break_the_format_end_their_session() {
    for bytes in [
        // No request; two of them; one that is too long; an answer.
        &[0x21, 1, 7][..],
        &[[&[0x27, 0x40, 0x42][..], &[7; 66]].concat(), vec![0x27, 0]].concat(),
        &[0x27, 0x40, 0x81],
        &[0x26, 0],
    ] {
        in_world(65, Link::lan(), async |sim, world| {
            let _village = Village::new(&sim, &world, 2).await;
            let _keeper = &keepers(&sim, &world, 20..21, MIB).await[0];
            let raw = RawMember::new(&world, 50);
            let (connection, _control) = raw.session(address(20)).await;
            let (mut send, _recv) = connection.open_bi().await.unwrap();
            let mut out = BytesMut::new();
            let kind = StreamKind::KeepRequest;
            Open { kind }.encode(&mut out);
            out.extend_from_slice(bytes);
            send.write_all(&out).await.unwrap();
            let _ = send.finish();
            let closed = sim
                .timeout(Duration::from_secs(2), connection.closed())
                .await;
            let closed = closed.expect("the breach is noticed at once").to_string();
            assert!(closed.contains("closed by peer"), "{closed}");
        });
    }
}
