//! The member's side of a registration: asks for channels, and takes what the relay grants.
//!
//! spec: RELAY-1 to RELAY-10

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use bytes::BytesMut;
use stc::NodeId;
use stt_wire::{
    DecodeError, FrameDecoder, RelayAnswer, RelayRequest, StreamKind, VarInt,
    limits::MAX_RELAY_FRAME_LEN,
};
use tokio::sync::mpsc;

use super::{
    Channel, MemberLeg, Registration, RelayClient, Standing,
    channel::{Asker, Key},
    pulse::{LATELY, LOOK, Look, Pulse, Use, Verdict},
};
use crate::session::{
    By, CloseReason,
    core::Core,
    stream::{RecvStream, SendStream},
    write_queue::header,
};

/// Why a registration is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The session is over, or about to be.
    WithSession,
    /// The relay ended the registration, and the session goes on.
    ByRelay,
    /// The relay does not relay, or has no room.
    Refused,
    /// The relay says nothing any more.
    Silent,
}

/// Registers in this session, and stays so until it ends.
pub(super) async fn run(client: &Arc<RelayClient>, core: &Arc<Core>) -> Ended {
    let Some((send, mut recv)) = open(core).await else {
        return Ended::WithSession;
    };
    let (requests, queue) = mpsc::channel(REQUESTS);
    let registering = async {
        let mut ended = tokio::select! {
            biased;
            _ = core.connection.closed() => Ended::WithSession,
            () = may_end(client, core) => Ended::WithSession,
            () = until_silent(client, core) => Ended::Silent,
            ended = read(client, core, requests, &mut recv) => ended,
        };
        let registered = client.state.lock().deregister();
        if ended == Ended::ByRelay && registered.is_none() {
            ended = Ended::Refused;
        }
        drop(registered);
        if ended == Ended::Silent {
            core.end(CloseReason::IdleTimeout);
        } else {
            // To the end of the stream, so that an orderly end of the session finds it.
            while let Ok(Some(_)) = recv.read_bytes(usize::MAX).await {}
        }
        ended
    };
    let (ended, ()) = tokio::join!(registering, write(core, send, queue));
    ended
}

async fn open(core: &Arc<Core>) -> Option<(SendStream, RecvStream)> {
    let (send, recv) = core.connection.open_bi().await.ok()?;
    core.ledger.opened(send.id());
    let mut send = SendStream::new(core, send);
    let recv = RecvStream::new(core, recv);
    send.write_unmetered(header(StreamKind::Relay)).await.ok()?;
    Some((send, recv))
}

/// An orderly end of the session waits for the channels, if it is this node that stops: sessions that go
/// through them end too.
async fn may_end(client: &RelayClient, core: &Core) {
    core.closing.begun().await;
    while client.stopping.is_raised() && client.is_used() {
        core.platform.sleep(LOOK).await;
    }
}

async fn write(core: &Core, mut send: SendStream, mut requests: mpsc::Receiver<RelayRequest>) {
    while let Some(request) = requests.recv().await {
        let mut out = BytesMut::new();
        request.encode(&mut out);
        while let Ok(request) = requests.try_recv() {
            request.encode(&mut out);
        }
        tokio::select! {
            biased;
            _ = core.connection.closed() => return,
            written = send.write_unmetered(out.freeze()) => if written.is_err() {
                return;
            },
        }
    }
    // Fails only when the session is over.
    let _ = send.finish();
}

async fn read(
    client: &Arc<RelayClient>,
    core: &Arc<Core>,
    requests: mpsc::Sender<RelayRequest>,
    recv: &mut RecvStream,
) -> Ended {
    let mut decoder = FrameDecoder::new(MAX_RELAY_FRAME_LEN);
    let mut requests = Some(requests);
    while let Ok(Some(mut chunk)) = recv.read_bytes(CHUNK).await {
        client.signs.heard();
        loop {
            let taken = match decoder.decode(&mut chunk) {
                Ok(Some(frame)) => RelayAnswer::decode(frame)
                    .map_err(Broken::Malformed)
                    .and_then(|answer| take(client, core, &mut requests, answer)),
                Ok(None) => break,
                Err(error) => Err(Broken::Malformed(error)),
            };
            if let Err(broken) = taken {
                tracing::warn!(%broken, session = %core.id(), "relay");
                core.end(broken.reason());
                return Ended::WithSession;
            }
        }
    }
    Ended::ByRelay
}

fn take(
    client: &Arc<RelayClient>,
    core: &Arc<Core>,
    requests: &mut Option<mpsc::Sender<RelayRequest>>,
    answer: RelayAnswer,
) -> Result<(), Broken> {
    match answer {
        RelayAnswer::Registered { .. } => {
            let requests = requests.take().ok_or(Broken::OutOfTurn)?;
            client.registered(core, requests);
        }
        RelayAnswer::Channel {
            request,
            leg,
            tag,
            peer,
        } => {
            let peer = NodeId::from_bytes(peer);
            client.granted(request, (leg.get(), tag), peer)?;
        }
        RelayAnswer::Unreached { request, reason } if request != VarInt::ZERO => {
            let mut state = client.state.lock();
            let Some(channel) = state.asked_with(request) else {
                return Ok(());
            };
            channel.refuse(client.platform.now(), reason);
        }
        RelayAnswer::Unreached { reason, .. } => {
            tracing::info!(?reason, session = %core.id(), "the relay registers nobody");
        }
        RelayAnswer::Gone { leg } => client.state.lock().gone(leg.get()),
    }
    Ok(())
}

impl RelayClient {
    /// Asks at once for what there was before.
    fn registered(&self, core: &Arc<Core>, requests: mpsc::Sender<RelayRequest>) {
        let mut state = self.state.lock();
        state.registration = Some(Registration {
            core: Arc::clone(core),
            requests,
            asked: std::collections::BTreeMap::new(),
            next_request: 0,
            last_leg: 0,
        });
        state.ask_for_all(self.platform.now());
        drop(state);
        let relay = core.peer();
        self.stand(Standing::Registered { relay });
    }

    fn granted(
        self: &Arc<Self>,
        request: VarInt,
        (number, tag): (u64, [u8; 4]),
        peer: NodeId,
    ) -> Result<(), Broken> {
        let mut state = self.state.lock();
        let Some(registration) = &mut state.registration else {
            return Err(Broken::OutOfTurn);
        };
        if number <= registration.last_leg {
            return Err(Broken::LegTwice);
        }
        registration.last_leg = number;
        let core = Arc::clone(&registration.core);
        let channel = if request == VarInt::ZERO {
            let asker = Asker::Peer;
            let has_room = state.channels.len() < CHANNELS;
            has_room.then(|| self.channel(&mut state, Key { peer, asker }))
        } else {
            let asked = state.asked_with(request);
            asked.filter(|channel| channel.key.peer == peer)
        };
        let leave = RelayRequest::Leave {
            leg: VarInt::saturating(number),
        };
        let Some(channel) = channel else {
            state.request(leave);
            return Ok(());
        };
        let leg = Arc::new(MemberLeg::new(self, &channel, &core, (number, tag)));
        // Another relay may have given the same tag. The next one is another.
        match self.link.add_leg(tag, Arc::clone(&leg) as _) {
            Some(tag) => {
                leg.show(self);
                if channel.grant(leg, tag) {
                    self.regained.notify_one();
                }
            }
            None => state.request(leave),
        }
        Ok(())
    }
}

impl super::State {
    fn ask_for_all(&mut self, now: Instant) {
        let wanted: Vec<Arc<Channel>> = self
            .channels
            .values()
            .filter(|channel| self.needs_asking(channel) && channel.is_patient_until_now(now))
            .cloned()
            .collect();
        for channel in wanted {
            self.ask(&channel);
        }
    }

    /// The channel that was asked for with this number; it is answered now.
    fn asked_with(&mut self, request: VarInt) -> Option<Arc<Channel>> {
        let peer = self.registration.as_mut()?.asked.remove(&request)?;
        let asker = Asker::Us;
        self.channels.get(&Key { peer, asker }).cloned()
    }

    fn gone(&self, number: u64) {
        let is_that =
            |channel: &&Arc<Channel>| channel.leg().is_some_and(|leg| leg.number == number);
        if let Some(channel) = self.channels.values().find(is_that) {
            drop(channel.take_leg());
        }
    }

    fn deregister(&mut self) -> Option<Registration> {
        for channel in self.channels.values() {
            drop(channel.take_leg());
        }
        self.registration.take()
    }
}

/// Looks whether the relay is there, and asks again for what it refused.
async fn until_silent(client: &RelayClient, core: &Core) {
    let mut pulse = Pulse::new(core.platform.now());
    let mut traffic = Traffic::of(core);
    let mut shown_at = core.platform.now();
    loop {
        let is_changed = tokio::select! {
            biased;
            () = client.network_changed.notified() => true,
            () = core.platform.sleep(pulse.next_look()) => false,
        };
        let now = core.platform.now();
        let before = std::mem::replace(&mut traffic, Traffic::of(core));
        let look = Look {
            has_heard: client.signs.heard.swap(false, Relaxed)
                || traffic.received != before.received,
            has_sent: client.signs.sent.swap(false, Relaxed),
            has_spoken: traffic.sent != before.sent,
            use_: client.use_(now),
            round_trip: core.round_trip(),
        };
        let verdict = if is_changed {
            pulse.ask(now)
        } else {
            pulse.look(now, look)
        };
        match verdict {
            Verdict::Fine => {}
            Verdict::Ask => ask(client, core),
            Verdict::Gone => return,
        }
        if now.saturating_duration_since(shown_at) >= SHOW_EVERY {
            shown_at = now;
            client.each_leg(|leg| leg.show_if_quiet(client));
        }
        client.state.lock().ask_for_all(now);
    }
}

/// Datagrams of the session with the relay.
struct Traffic {
    sent: u64,
    received: u64,
}

impl Traffic {
    fn of(core: &Core) -> Self {
        let stats = core.connection.stats();
        Self {
            sent: stats.udp_tx.datagrams,
            received: stats.udp_rx.datagrams,
        }
    }
}

/// Asks for a sign of life, and tells the relay where this node is.
fn ask(client: &RelayClient, core: &Core) {
    if let Some(path) = core.connection.path(core.paths.current()) {
        drop(path.ping());
    }
    client.each_leg(|leg| leg.show(client));
}

impl RelayClient {
    fn each_leg(&self, act: impl Fn(&MemberLeg)) {
        let state = self.state.lock();
        for channel in state.channels.values() {
            if let Some(leg) = channel.leg() {
                act(&leg);
            }
        }
    }

    /// What its channels carry.
    fn use_(&self, now: Instant) -> Use {
        let state = self.state.lock();
        let carries = |channel: &Arc<Channel>| channel.has_carried_within(LATELY, now);
        if state.channels.values().any(carries) {
            Use::Busy
        } else if state.channels.values().any(|channel| channel.is_held()) {
            Use::Idle
        } else {
            Use::Waiting
        }
    }
}

/// How a relay broke the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Malformed(DecodeError),
    #[error("a leg whose number does not grow")]
    LegTwice,
    #[error("an answer out of its turn")]
    OutOfTurn,
}

impl Broken {
    fn reason(self) -> CloseReason {
        match self {
            Self::Malformed(error) => CloseReason::for_malformed(error),
            _ => CloseReason::Violation { by: By::Us },
        }
    }
}

/// Requests that wait to be written to the relay.
const REQUESTS: usize = 1_024;

/// Channels at a time through one relay, whoever asked.
const CHANNELS: usize = 1_024;

/// Twice within the time in which a translator forgets where this node is, and a relay with it. spec: RELAY-30
const SHOW_EVERY: Duration = Duration::from_secs(12);

/// Bytes of a stream that are taken at a time.
const CHUNK: usize = 4 << 10;
