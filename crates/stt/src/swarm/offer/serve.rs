//! Requests of owners, each on a stream of its own.
//!
//! | bound                                 | number | beyond it  |
//! |---------------------------------------|--------|------------|
//! | requests of an owner at a time        | 16     | `BUSY`     |
//! | objects on their way                  | 8      | `BUSY`     |
//! | those of one owner                    | 2      | `BUSY`     |
//! | time in which no byte of one comes    | 60 s   | `DECLINED` |
//!
//! *spec:* COPY-1 to COPY-9.

use std::sync::Arc;
use std::time::Duration;

use stc::NodeId;
use stt_wire::{Declined, KeepAnswer, KeepRequest, VarInt, limits::MAX_KEEP_REQUEST_LEN};

use super::{Admission, Offer};
use crate::session::{
    Session,
    core::Core,
    stream::{RecvStream, SendStream},
};
use crate::storage::{Address, Reference};
use crate::swarm::exchange::request::{self, GivenUp, finish};
use crate::swarm::fetch::{Fetch, FetchError, FetchOptions, Provider, Search, Wanted};

/// Answers one request.
pub(crate) async fn serve(
    offer: Arc<Offer>,
    core: Arc<Core>,
    mut recv: RecvStream,
    mut send: SendStream,
) {
    let answering = answer(&offer, &core, &mut recv, &mut send);
    request::serve(&core, "a copy that was asked for", answering).await;
}

async fn answer(
    offer: &Arc<Offer>,
    core: &Arc<Core>,
    recv: &mut RecvStream,
    send: &mut SendStream,
) -> Result<(), GivenUp> {
    let (max_len, decode) = (MAX_KEEP_REQUEST_LEN, KeepRequest::decode);
    let request = request::read(&offer.platform, recv, max_len, decode).await?;
    let owner = core.peer();
    let Some(_serving) = Serving::begin(offer, owner) else {
        return end(send, busy()).await;
    };
    match request {
        KeepRequest::Keep {
            address,
            root,
            length,
            lease,
        } => {
            let object = Reference {
                address: Address::from_bytes(address),
                root,
                length: length.get(),
            };
            let lease = Duration::from_secs(lease.get());
            let last = Keeping { offer, core, owner }
                .keep(object, lease, send)
                .await?;
            end(send, last).await
        }
        KeepRequest::Prove {
            address,
            root,
            block,
            salt,
        } => {
            let address = Address::from_bytes(address);
            let proof = prove(offer, address, root, block.get(), salt).await?;
            end(send, proof).await
        }
    }
}

/// One request to keep a copy.
struct Keeping<'a> {
    offer: &'a Arc<Offer>,
    core: &'a Arc<Core>,
    owner: NodeId,
}

impl Keeping<'_> {
    /// Keeps it, and gives the last answer.
    async fn keep(
        self,
        object: Reference,
        lease: Duration,
        send: &mut SendStream,
    ) -> Result<KeepAnswer, GivenUp> {
        let (offer, owner) = (self.offer, self.owner);
        if lease.is_zero() {
            offer.release(owner, object.address).await;
            return Ok(kept(lease));
        }
        let admission = {
            let mut state = offer.state.lock();
            state.leases.admit(&offer.terms, owner, &object)
        };
        match admission {
            Ok(Admission::Here) => {}
            Ok(Admission::Busy) => return Ok(busy()),
            Ok(Admission::Comes) => {
                let _place = Place(offer, object.address);
                if let Some(reason) = self.get(object, send).await? {
                    return Ok(KeepAnswer::Declined { reason });
                }
                // Room is kept until the lease is there.
                return Ok(self.grant(object, lease).await);
            }
            Err(reason) => return Ok(KeepAnswer::Declined { reason }),
        }
        Ok(self.grant(object, lease).await)
    }

    async fn grant(&self, object: Reference, lease: Duration) -> KeepAnswer {
        match self.offer.grant(self.owner, &object, lease).await {
            Ok(lease) => kept(lease),
            Err(error) => {
                tracing::warn!(%error, "a copy that was to be kept");
                let reason = Declined::Failed;
                KeepAnswer::Declined { reason }
            }
        }
    }

    /// Gets the object from its owner, or whoever else has it; says why not, if it did not come.
    async fn get(
        &self,
        object: Reference,
        send: &mut SendStream,
    ) -> Result<Option<Declined>, GivenUp> {
        let fetched = self.fetch(object, send).await;
        if !matches!(fetched, Ok(None)) {
            let address = object.address;
            let forget = move |store: &stt_store::BinaryStorage| store.discard_partial(address);
            let forgotten = self.offer.content.storage.calls().run(forget).await;
            forgotten.map_err(GivenUp::Storage)?;
        }
        fetched
    }

    async fn fetch(
        &self,
        object: Reference,
        send: &mut SendStream,
    ) -> Result<Option<Declined>, GivenUp> {
        let offer = self.offer;
        let Some(node) = offer.node() else {
            return Err(GivenUp::Peer);
        };
        let terms = (Wanted::Reference(object), FetchOptions::default());
        let owner = Provider::Session(Session::of(Arc::clone(self.core)));
        let content = Arc::clone(&offer.content);
        let mut fetch = Fetch::start(node, content, terms, vec![owner], Search::Dht);
        let (mut here, mut since) = (0, offer.platform.now());
        loop {
            say(
                send,
                &KeepAnswer::Keeping {
                    here: VarInt::saturating(here),
                },
            )
            .await?;
            tokio::select! {
                biased;
                fetched = fetch.finished() => return Ok(fetched.err().map(|error| why_not(&error))),
                // It is never finished by us here, so this is the owner that gives up.
                _ = send.delivered() => return Err(GivenUp::Peer),
                () = offer.platform.sleep(SAY_EVERY) => {}
            }
            let now = offer.platform.now();
            let verified = fetch.progress().verified;
            if verified > here {
                (here, since) = (verified, now);
            } else if now.saturating_duration_since(since) >= STALL {
                return Ok(Some(Declined::Uncome));
            }
        }
    }
}

fn why_not(error: &FetchError) -> Declined {
    match error {
        FetchError::FalseReference { .. } | FetchError::FalseRoots => Declined::False,
        FetchError::TooLong { .. } => Declined::Full,
        FetchError::NoProviders { .. } => Declined::Uncome,
        _ => Declined::Failed,
    }
}

async fn prove(
    offer: &Offer,
    address: Address,
    root: [u8; 32],
    block: u64,
    salt: [u8; 32],
) -> Result<KeepAnswer, GivenUp> {
    if !offer.state.lock().leases.is_kept(address) {
        return Ok(KeepAnswer::Absent);
    }
    let prove = move |store: &stt_store::BinaryStorage| {
        let Ok(blocks) = store.open_blocks(address) else {
            return Ok(None);
        };
        if blocks.reference().root != root {
            return Ok(None);
        }
        blocks.prove(block, &salt)
    };
    let proof = offer.content.storage.calls().run(prove).await;
    let proof = proof.map_err(GivenUp::Storage)?;
    Ok(proof.map_or(KeepAnswer::Absent, |hash| KeepAnswer::Proof { hash }))
}

fn kept(lease: Duration) -> KeepAnswer {
    let lease = VarInt::saturating(lease.as_secs());
    KeepAnswer::Kept { lease }
}

fn busy() -> KeepAnswer {
    let wait = VarInt::saturating(BUSY_FOR.as_millis() as u64);
    KeepAnswer::Busy { wait }
}

async fn end(send: &mut SendStream, last: KeepAnswer) -> Result<(), GivenUp> {
    say(send, &last).await?;
    finish(send)
}

async fn say(send: &mut SendStream, answer: &KeepAnswer) -> Result<(), GivenUp> {
    request::say(send, |frame| answer.encode(frame)).await
}

/// A request that is being served; no longer, when this is dropped.
struct Serving<'a>(&'a Offer, NodeId);

impl<'a> Serving<'a> {
    fn begin(offer: &'a Offer, owner: NodeId) -> Option<Self> {
        let mut state = offer.state.lock();
        let count = state.serving.get(&owner).copied().unwrap_or(0);
        if !state.is_ready || count >= MAX_REQUESTS {
            return None;
        }
        state.serving.insert(owner, count + 1);
        Some(Self(offer, owner))
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        if let Some(count) = state.serving.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                state.serving.remove(&self.1);
            }
        }
    }
}

/// Room for an object that is on its way; free again, when this is dropped.
struct Place<'a>(&'a Offer, Address);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.state.lock().leases.came(self.1);
    }
}

const MAX_REQUESTS: usize = 16;

const BUSY_FOR: Duration = Duration::from_secs(1);

/// How often an owner hears that its copy is on its way. spec: COPY-3.
const SAY_EVERY: Duration = Duration::from_secs(2);

/// No byte came for so long.
const STALL: Duration = Duration::from_secs(60);
