//! Requests of other members, each on a stream of its own.
//!
//! | bound                        | number              | beyond it          |
//! |------------------------------|---------------------|--------------------|
//! | requests of a peer at a time | 64                  | `BUSY`, unread     |
//! | requests of all at a time    | 1,024               | `BUSY`, unread     |
//! | bytes of a request           | 64 KiB              | the session ends   |
//! | time of an exchange          | 10 s                | the stream ends    |
//! | requests and records a second | as the engine says | `BUSY`             |
//!
//! spec: DHT-6, DHT-42, DHT-46.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use stc::NodeId;
use stt_dht::Input;
use stt_wire::{Addresses, Contact, DhtAnswer, Mode, RegisteredStreamCode, StreamCode, VarInt};
use tokio::sync::oneshot;

use super::exchange;
use super::service::Service;
use crate::session::{Session, core::Core, stream::RecvStream, stream::SendStream};
use crate::transport::link::PathKind;

/// Requests that are being served.
#[derive(Debug, Default)]
pub(super) struct Served(Mutex<BTreeMap<NodeId, usize>>);

/// One of them, counted until it is over.
struct Serving {
    service: Arc<Service>,
    peer: NodeId,
}

impl Serving {
    fn begin(service: &Arc<Service>, peer: NodeId) -> Option<Self> {
        let mut served = service.served.0.lock();
        let all = served.values().sum::<usize>();
        let of_peer = served.entry(peer).or_default();
        if *of_peer >= MOST_OF_A_PEER || all >= MOST {
            return None;
        }
        *of_peer += 1;
        let service = Arc::clone(service);
        Some(Self { service, peer })
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let mut served = self.service.served.0.lock();
        if let Some(of_peer) = served.get_mut(&self.peer) {
            *of_peer -= 1;
            if *of_peer == 0 {
                served.remove(&self.peer);
            }
        }
    }
}

/// Serves a request that a peer has opened a stream for.
pub(crate) fn serve(
    service: Arc<Service>,
    core: &Arc<Core>,
    recv: RecvStream,
    mut send: SendStream,
) {
    let core = Arc::clone(core);
    let Some(serving) = Serving::begin(&service, core.peer()) else {
        return turn_away(&core, recv, send);
    };
    let platform = service.platform.clone();
    platform.clone().spawn(async move {
        let exchange = async {
            core.established().await;
            let mut recv = recv;
            if let Some(answer) = answer(&service, &core, &mut recv).await {
                exchange::reply(&mut send, &answer).await;
            }
        };
        platform.timeout(SERVE_WITHIN, exchange).await;
        drop(serving);
    });
}

async fn answer(
    service: &Arc<Service>,
    core: &Arc<Core>,
    recv: &mut RecvStream,
) -> Option<DhtAnswer> {
    let mut request = exchange::take(core, recv).await?;
    let (address, is_dialable) = origin(core);
    if !is_dialable && request.mode == Mode::Server {
        // Nobody else could reach it where it comes from.
        request.mode = Mode::Client;
    }
    let from = Contact {
        node: *core.peer().as_bytes(),
        addresses: Addresses::from(address),
    };
    let (to_answer, answered) = oneshot::channel();
    service.request(from, request, to_answer);
    answered.await.ok()
}

/// Where a peer is seen, and whether others could dial it there.
fn origin(core: &Arc<Core>) -> (SocketAddr, bool) {
    let path = Session::of(Arc::clone(core)).stats().path;
    let is_udp = path.kind == PathKind::Udp;
    match path.remote {
        Some(remote) => (remote, is_udp),
        None => (SocketAddr::from(([0, 0, 0, 0], 0)), false),
    }
}

/// Says that there is too much to do, without looking at what is asked.
fn turn_away(core: &Arc<Core>, mut recv: RecvStream, mut send: SendStream) {
    recv.stop_with(StreamCode::Registered(RegisteredStreamCode::None));
    let platform = core.platform.clone();
    let wait = VarInt::saturating(BUSY_MS);
    platform.clone().spawn(async move {
        let busy = DhtAnswer::Busy { wait };
        platform
            .timeout(SERVE_WITHIN, exchange::reply(&mut send, &busy))
            .await;
    });
}

impl Service {
    /// Lets the engine answer.
    fn request(
        self: &Arc<Self>,
        from: Contact,
        request: stt_wire::DhtRequest,
        to_answer: oneshot::Sender<DhtAnswer>,
    ) {
        self.with(|state, now, entropy| {
            let token = state.answers.add(to_answer);
            let input = Input::Request {
                token,
                from,
                request,
            };
            state.engine.handle_input(now, input, entropy);
        });
    }
}

const MOST_OF_A_PEER: usize = 64;
const MOST: usize = 1_024;
const SERVE_WITHIN: Duration = Duration::from_secs(10);

/// How long a peer that was turned away should wait.
const BUSY_MS: u64 = 1_000;
