//! `stt doctor`: what this network lets through, and whether a direct path to a peer will work.
//!
//! ```text
//! a node of this command's own --+-- members: --via, neighbours, those the running node knows
//!                                +-- relays: --relay
//!                                +-- the router
//! the node that runs (control) --+
//!                                v
//!                             findings --> words, or a document
//!                                v
//!                     peer: predict, meet, watch
//! ```
//!
//! *Invariants.* What was not seen is not guessed: the report says what would tell it. Every question has
//! an end, and so has the whole (`--timeout`). The node takes no sessions, so outsiders learn nothing.

mod findings;
mod members;
mod page;
mod peer;
mod predict;
mod surroundings;

use std::{path::Path, time::Duration};

use stt::{
    Accepting, Door, Group, Limits, Node, NodeBuilder, NodeId, StartError, SystemEntropy, Target,
    dht::{DhtOptions, Serving},
};
use tokio::{task::JoinSet, time::Instant};

pub(crate) use self::surroundings::surroundings;
use self::{
    findings::{Findings, Means},
    members::{Asked, Place, Source},
};
use crate::{
    args::{Examine, PeerPlace},
    control::{self, Answer, Peer, Request, Surroundings},
    exit::Failure,
    pages, seed,
    signals::Signals,
    status::Status,
};

/// `stt doctor`.
pub(crate) fn doctor(
    asked: Examine,
    data_dir: Option<&Path>,
    status: Status,
) -> impl Future<Output = Result<(), Failure>> {
    // Without a group there is nobody to ask, but a router and what runs here.
    let has_seed = seed::is_given(&asked.seed);
    let is_alone = !has_seed && asked.via.is_empty() && asked.relay.is_empty();
    let group = if is_alone && asked.peer.is_none() {
        Ok(Group::generate(&mut SystemEntropy))
    } else {
        seed::group(&asked.seed)
    };
    async move {
        let mut signals = Signals::watch()?;
        let examination = Examination {
            until: Instant::now() + asked.timeout,
            group: group?,
            means: Means { has_seed },
            asked,
            data_dir,
            status,
        };
        tokio::select! {
            done = examination.run() => done,
            () = signals.next() => Err(Failure::broken_off("interrupted before all was asked")),
        }
    }
}

struct Examination<'a> {
    asked: Examine,
    group: Group,
    data_dir: Option<&'a Path>,
    until: Instant,
    means: Means,
    status: Status,
}

impl Examination<'_> {
    async fn run(&self) -> Result<(), Failure> {
        let node = self.start().await?;
        let mut findings = self.ask_around(&node).await;
        self.show(&page::page(&findings))?;
        let outcome = self.meet_the_peer(&node, &mut findings).await;
        if self.status == Status::Json {
            let document = serde_json::to_value(&findings);
            pages::print_json(&document.map_err(|error| Failure::other(error.to_string()))?)?;
        }
        node.shutdown(LEAVE_WITHIN).await;
        outcome
    }

    /// Words go out as they come about; a document, at the end.
    fn show(&self, text: &str) -> Result<(), Failure> {
        match self.status {
            Status::Human => pages::print(text),
            Status::Json => Ok(()),
        }
    }

    /// Somebody new, so that a node that runs with the data dir is not disturbed.
    async fn start(&self) -> Result<Node, Failure> {
        let builder = self.asked.reachable.apply(self.builder(), &self.group);
        match builder.start().await {
            Err(StartError::Lan(error)) => {
                self.status
                    .note(format_args!("{error}; looking for no members there"));
                Ok(self.builder().start().await?)
            }
            started => Ok(started?),
        }
    }

    fn builder(&self) -> NodeBuilder {
        let mut limits = Limits::default();
        limits.handshake_timeout = ANSWERED_WITHIN.min(self.asked.timeout / 2);
        let mut builder = Node::builder(self.group.clone())
            .limits(limits)
            .accepting(Accepting::Nobody);
        if self.is_to_be_found().is_some() && self.group.door() == Door::Gated {
            builder = builder.dht(DhtOptions::new().serving(Serving::Never));
        }
        builder
    }

    /// The peer, if it is named by who it is.
    fn is_to_be_found(&self) -> Option<NodeId> {
        match self.asked.peer {
            Some(PeerPlace::Member(id)) => Some(id),
            _ => None,
        }
    }

    async fn ask_around(&self, node: &Node) -> Findings {
        let mut asking = JoinSet::new();
        let named = self.asked.via.iter().map(|place| Place {
            name: place.to_string(),
            source: Source::Via,
            target: place.target(),
        });
        members::ask(node, self.group.door(), named.collect(), &mut asking);
        for relay in &self.asked.relay {
            node.use_relay(relay.target());
        }
        let (running, ()) = tokio::join!(
            self.ask_the_running_node(node, &mut asking),
            self.wait_for_relays(node)
        );
        self.ask_neighbours(node, &mut asking).await;
        let half = Instant::now() + self.until.saturating_duration_since(Instant::now()) / 2;
        let members = members::all(&mut asking, half).await;
        self.wait_for_the_router(node).await;
        let proxy = node.proxy_to(&self.some_url()).ok().flatten();
        Findings::new(surroundings(node), running, proxy, members, self.means)
    }

    /// A WebSocket that is dialled here, or could be.
    fn some_url(&self) -> String {
        let named = self.asked.via.iter().chain(&self.asked.relay);
        let mut urls = named
            .map(ToString::to_string)
            .filter(|place| place.contains("://"));
        urls.next().unwrap_or_else(|| "wss://stt.invalid".into())
    }

    /// What it knows; and asks some members that it knows.
    async fn ask_the_running_node(
        &self,
        node: &Node,
        asking: &mut JoinSet<Asked>,
    ) -> Option<Surroundings> {
        let data_dir = self.data_dir?;
        let mut running = None;
        let take = |answer| {
            if let Answer::Surroundings(surroundings) = answer {
                running = Some(*surroundings);
            }
            Ok(())
        };
        let asked = control::ask(data_dir, &Request::Surroundings, take);
        match tokio::time::timeout(ANSWERED_WITHIN, asked).await {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => {
                self.status.note(failure.message);
                return None;
            }
            Err(_) => {
                self.status.note("the node that runs here does not answer");
                return None;
            }
        }
        let known = self.found_by_the_running_node(&Request::Peers).await;
        let places = known.into_iter().take(MOST_KNOWN).filter_map(|member| {
            Some(Place {
                name: member.node.clone(),
                source: Source::Running,
                target: target_of(&member)?,
            })
        });
        if self.means.has_seed {
            members::ask(node, self.group.door(), places.collect(), asking);
        }
        running
    }

    async fn found_by_the_running_node(&self, request: &Request) -> Vec<Peer> {
        let Some(data_dir) = self.data_dir else {
            return Vec::new();
        };
        let mut found = Vec::new();
        let take = |answer| {
            if let Answer::Peer(peer) = answer {
                found.push(peer);
            }
            Ok(())
        };
        let asked = control::ask(data_dir, request, take);
        // What came until then is all there is.
        let _ = tokio::time::timeout(ANSWERED_WITHIN, asked).await;
        found
    }

    async fn wait_for_relays(&self, node: &Node) {
        let registered = async {
            for relay in node.relays() {
                relay.registered().await;
            }
        };
        if !self.asked.relay.is_empty() {
            let _ =
                tokio::time::timeout(ANSWERED_WITHIN.min(self.asked.timeout / 3), registered).await;
        }
    }

    /// Who is on the local network says so within a moment.
    async fn ask_neighbours(&self, node: &Node, asking: &mut JoinSet<Asked>) {
        if !self.means.has_seed || self.group.door() == Door::Open {
            return;
        }
        let _ = tokio::time::timeout(HEARD_WITHIN, node.neighbour(None)).await;
        let places = node
            .neighbours()
            .into_iter()
            .take(MOST_KNOWN)
            .map(|found| Place {
                name: found.peer.to_string(),
                source: Source::Neighbour,
                target: Target::from(&found),
            });
        members::ask(node, self.group.door(), places.collect(), asking);
    }

    async fn wait_for_the_router(&self, node: &Node) {
        if !self.asked.reachable.maps_port() {
            return;
        }
        let until = self.until.min(Instant::now() + ROUTER_WITHIN);
        let is_said = || match node.port_mapping() {
            Some(said) => said.protocols.is_empty() || said.address.is_some(),
            None => node.network_report().interfaces.is_empty(),
        };
        while !is_said() && Instant::now() < until {
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn meet_the_peer(&self, node: &Node, findings: &mut Findings) -> Result<(), Failure> {
        let Some(place) = &self.asked.peer else {
            return findings.outcome();
        };
        let target = match place {
            PeerPlace::Member(id) => self.ways_to(*id, node).await?,
            place => PeerPlace::target(std::slice::from_ref(place), &[], None)?,
        };
        let meeting = peer::meet(node, self.group.door(), target, findings, self.until).await?;
        self.show(&page::meeting(&meeting))?;
        findings.peer = Some(meeting);
        Ok(())
    }

    /// Where a member can be met: where it was heard, or is known to be, or at the relays.
    async fn ways_to(&self, id: NodeId, node: &Node) -> Result<Target, Failure> {
        let mut ways: Vec<Target> = Vec::new();
        let neighbours = node.neighbours();
        let near = neighbours.iter().filter(|found| found.peer == id);
        ways.extend(near.map(Target::from));
        let request = Request::FindPeer {
            node: id.to_string(),
        };
        let known = self.found_by_the_running_node(&request).await;
        ways.extend(known.iter().filter_map(target_of));
        if !self.asked.via.is_empty() {
            ways.extend(self.find(id, node).await);
        }
        let relays = self.asked.relay.iter();
        ways.extend(relays.map(|relay| Target::relayed(relay.target(), id)));
        if ways.is_empty() {
            return Err(Failure::usage(
                "a node id says who, not where, and nobody knew where that member is: give a relay that it uses with --relay, or its HOST:PORT",
            ));
        }
        Ok(Target::any(ways).peer(id))
    }

    /// Asks those that were named where a member is.
    async fn find(&self, id: NodeId, node: &Node) -> Option<Target> {
        let dht = node.dht()?;
        let left = self.until.saturating_duration_since(Instant::now());
        let finding = async {
            dht.bootstrap([]).await.ok()?;
            dht.find_peer(id).await.ok()
        };
        let found = tokio::time::timeout(left / 3, finding).await.ok()??;
        Some(Target::any(found.addresses).peer(id))
    }
}

/// The places of a member that a node has told of.
fn target_of(member: &Peer) -> Option<Target> {
    let id = member.node.parse().ok()?;
    if member.addresses.is_empty() {
        return None;
    }
    Some(Target::any(member.addresses.iter().copied()).peer(id))
}

/// Who is there has answered by then.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
/// Those of the local network are asked at once, and again after 0.3 and 1 s.
const HEARD_WITHIN: Duration = Duration::from_millis(1_300);
/// A router answers within a second by each protocol, and grants a port as soon.
const ROUTER_WITHIN: Duration = Duration::from_secs(4);
const LEAVE_WITHIN: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(20);
/// Members that nobody named.
const MOST_KNOWN: usize = 3;
