//! A member that holds the seed, says that it has entries of a feed, and says of them what it likes.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use stc::{Identity, NodeId, NodeSeed};
use stt::storage::{Address, Reference};
use stt::{FeedReference, Session};
use stt_wire::{
    ContentAnswer, ContentRequest, FeedAnswer, FeedEntry, FrameDecoder, Holding, Open, Spans,
    StreamKind, VarInt,
};

use crate::raw::RawMember;
use crate::studio::Member;
use crate::support::{World, address};

/// What a villain says: entries, and the bytes of any object.
#[derive(Clone, Default)]
pub(crate) struct Script {
    pub(crate) entries: Vec<FeedEntry>,
    /// By address; what it gives for one need not be it.
    pub(crate) objects: Vec<(Reference, Vec<u8>)>,
}

pub(crate) fn identity(seed: u8) -> Identity {
    NodeSeed::from_bytes([seed; 32]).identity()
}

/// A feed of a publisher that is nowhere, of which a villain may have the keys.
pub(crate) fn feed_of(publisher: &Identity) -> FeedReference {
    FeedReference {
        publisher: publisher.node_id(),
        id: [9; 16],
    }
}

/// What names an object of one block.
pub(crate) fn reference_of(object: &[u8]) -> Reference {
    Reference {
        address: Address::of(object),
        root: *blake3::hash(object).as_bytes(),
        length: object.len() as u64,
    }
}

/// An entry that names an object, signed for a feed.
pub(crate) fn entry(
    publisher: &Identity,
    feed: &FeedReference,
    number: u64,
    object: &Reference,
) -> FeedEntry {
    let mut entry = FeedEntry {
        number: VarInt::new(number).unwrap(),
        is_last: false,
        address: *object.address.as_bytes(),
        root: object.root,
        length: VarInt::new(object.length).unwrap(),
        signature: [0; 64],
    };
    entry.signature = publisher.sign("feed entry", &entry.signed_bytes(&feed.id));
    entry
}

/// A villain on a host, in a session with a follower that is at `to`.
pub(crate) async fn villain(
    world: &World,
    host: u8,
    (to, follower): (u8, &Member),
    script: Script,
) -> (Session, NodeId) {
    let raw = RawMember::new(world, host);
    let id = raw.id;
    let (connection, control) = raw.session(address(to)).await;
    let session = follower.node.accept().await.unwrap();
    let seed = NodeSeed::from_bytes(world.sim.entropy(&format!("raw member {host}")).bytes());
    let identity = Arc::new(seed.identity());
    let sim = world.sim.clone();
    drop(world.sim.spawn(async move {
        let _kept = (raw, control);
        while let Ok((send, recv)) = connection.accept_bi().await {
            let acting = act(send, recv, script.clone(), Arc::clone(&identity));
            drop(sim.spawn(acting));
        }
    }));
    (session, id)
}

async fn act(
    mut send: noq::SendStream,
    mut recv: noq::RecvStream,
    script: Script,
    identity: Arc<Identity>,
) {
    let Ok(asked) = recv.read_to_end(1_000).await else {
        return;
    };
    let (mut decoder, mut asked) = (FrameDecoder::new(1_000), Bytes::from(asked));
    let open = decoder.decode(&mut asked).unwrap().unwrap();
    let kind = Open::decode(open).unwrap().kind;
    let request = decoder.decode(&mut asked).unwrap().unwrap();
    let mut said = BytesMut::new();
    if kind == StreamKind::FeedRequest {
        for entry in script.entries {
            FeedAnswer::Entry(entry).encode(&mut said);
        }
        let _ = send.write_all(&said).await;
        let _ = send.stopped().await;
        return;
    }
    let request = ContentRequest::decode(request).unwrap();
    let known = (script.objects.iter()).find(|(it, _)| it.address.as_bytes() == request.address());
    match (request, known) {
        (_, None) => ContentAnswer::Absent.encode(&mut said),
        (ContentRequest::Look { .. }, Some((claim, _))) => {
            let signed = [
                &claim.address.as_bytes()[..],
                &claim.root,
                &claim.length.to_be_bytes(),
            ];
            let holding = Holding {
                root: claim.root,
                signature: identity.sign("content claim", &signed.concat()),
                length: VarInt::new(claim.length).unwrap(),
            };
            ContentAnswer::Holding(holding).encode(&mut said);
            ContentAnswer::Have(Spans::all(1)).encode(&mut said);
        }
        (ContentRequest::Take { from, .. }, Some((_, bytes))) => {
            let bytes = &bytes[from.get() as usize..];
            let len = VarInt::new(bytes.len() as u64).unwrap();
            ContentAnswer::Piece { len }.encode(&mut said);
            said.extend_from_slice(bytes);
        }
    }
    let _ = send.write_all(&said).await;
    let _ = send.finish();
}
