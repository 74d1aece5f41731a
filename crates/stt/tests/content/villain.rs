//! A member that holds the seed, says that it has an object, and does with requests what it likes.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use stc::{Identity, NodeSeed};
use stt::Session;
use stt::storage::Reference;
use stt_wire::{
    ContentAnswer, ContentPart, ContentRequest, FrameDecoder, Holding, Open, Spans, VarInt,
};

use crate::library::{FETCHER, Holder};
use crate::raw::RawMember;
use crate::support::{World, address};

/// What a villain does with a request for a part.
pub(crate) type Deed = dyn Fn(ContentPart, u64) -> Reply + Send + Sync;

pub(crate) enum Reply {
    /// These frames or bytes, then the end.
    Bytes(Vec<u8>),
    /// These, and nothing more ever.
    Stall(Vec<u8>),
}

/// What a villain says.
#[derive(Clone)]
pub(crate) struct Script {
    /// What it says that the object is.
    pub(crate) claim: Reference,
    /// Frames after its claim.
    pub(crate) have: Vec<u8>,
    pub(crate) deed: Arc<Deed>,
}

impl Script {
    /// Claims to have all, and answers requests for parts so.
    pub(crate) fn new(
        claim: Reference,
        deed: impl Fn(ContentPart, u64) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let count = claim.length.div_ceil(1 << 20).max(1);
        Self {
            claim,
            have: encoded(&ContentAnswer::Have(Spans::all(count))),
            deed: Arc::new(deed),
        }
    }
}

pub(crate) fn encoded(answer: &ContentAnswer) -> Vec<u8> {
    let mut out = BytesMut::new();
    answer.encode(&mut out);
    out.to_vec()
}

/// A part with its frame.
pub(crate) fn piece(bytes: &[u8]) -> Vec<u8> {
    let len = VarInt::new(bytes.len() as u64).unwrap();
    let mut out = encoded(&ContentAnswer::Piece { len });
    out.extend_from_slice(bytes);
    out
}

/// The parts of an object, as an honest holder has them.
pub(crate) async fn parts_of(
    holder: &Holder,
    reference: Reference,
) -> impl Fn(ContentPart, u64) -> Vec<u8> + Send + Sync + Clone + 'static {
    let content = holder.storage.retrieve(reference).await.unwrap();
    let manifest = stt_store_manifest(&content);
    move |part, from| {
        let bytes = match part {
            ContentPart::Block(number) => {
                let start = (number.get() as usize) << 20;
                content.slice(start..content.len().min(start + (1 << 20)))
            }
            _ => Bytes::from(manifest.clone()),
        };
        bytes[from as usize..].to_vec()
    }
}

/// A manifest of depth 0. spec: STORE-3.
fn stt_store_manifest(content: &[u8]) -> Vec<u8> {
    let blocks: Vec<_> = content.chunks(1 << 20).collect();
    let mut bytes = b"STTMANIF\x01\x00".to_vec();
    bytes.extend((content.len() as u64).to_be_bytes());
    bytes.extend((blocks.len() as u32).to_be_bytes());
    bytes.extend(
        blocks
            .iter()
            .flat_map(|block| *blake3::hash(block).as_bytes()),
    );
    bytes
}

/// The root of an object of more than one block.
pub(crate) fn root_of(content: &[u8]) -> [u8; 32] {
    *blake3::hash(&stt_store_manifest(content)).as_bytes()
}

/// A villain on a host, in a session with the fetcher.
pub(crate) async fn villain(world: &World, host: u8, fetcher: &Holder, script: Script) -> Session {
    let raw = RawMember::new(world, host);
    let (connection, control) = raw.session(address(FETCHER)).await;
    let session = fetcher.node.accept().await.unwrap();
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
    session
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
    assert!(Open::decode(open).is_ok());
    let request = decoder.decode(&mut asked).unwrap().unwrap();
    match ContentRequest::decode(request).unwrap() {
        ContentRequest::Look { .. } => {
            let claim = script.claim;
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
            let mut said = encoded(&ContentAnswer::Holding(holding));
            said.extend_from_slice(&script.have);
            let _ = send.write_all(&said).await;
            let _ = send.finish();
        }
        ContentRequest::Take { part, from, .. } => match (script.deed)(part, from.get()) {
            Reply::Bytes(bytes) => {
                let _ = send.write_all(&bytes).await;
                let _ = send.finish();
            }
            Reply::Stall(bytes) => {
                let _ = send.write_all(&bytes).await;
                let _ = send.stopped().await;
            }
        },
    }
}
