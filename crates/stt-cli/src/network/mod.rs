//! `stt peers` and `stt find`: who is in the group, where a member is, and who has what.
//!
//! ```text
//! --data-dir DIR                    the node that runs with it answers          (control)
//! --bootstrap ADDR, --seed-file F   a node of our own joins, asks, and is gone  (here)
//! ```
//!
//! What is asked is the same in both cases, and so is what is printed.

use std::{path::Path, time::Duration};

use serde_json::json;
use stt::{
    Door, Node, NodeId,
    dht::{Dht, DhtOptions, FoundPeer, Serving},
    storage::Address,
};

use crate::{
    args::{Find, Network, ObjectName, Place, Run, Sought},
    control::{self, Answer, Conversation, Peer, Request},
    exit::Failure,
    member::Member,
    pages,
    status::Status,
    teller::Teller,
};

/// `stt peers`.
pub(crate) fn peers(
    asked: Network,
    data_dir: Option<&Path>,
    status: Status,
) -> impl Future<Output = Result<(), Failure>> {
    ask(Request::Peers, asked, data_dir, status)
}

/// `stt find`.
pub(crate) fn find(
    asked: Find,
    data_dir: Option<&Path>,
    status: Status,
) -> impl Future<Output = Result<(), Failure>> {
    let request = match asked.what {
        Sought::Member(node) => Request::FindPeer {
            node: node.to_string(),
        },
        Sought::Object(object) => Request::FindProviders {
            address: object.address().to_string(),
        },
    };
    ask(request, asked.network, data_dir, status)
}

fn ask(
    request: Request,
    asked: Network,
    data_dir: Option<&Path>,
    status: Status,
) -> impl Future<Output = Result<(), Failure>> {
    let is_short = !asked.bootstrap.is_empty();
    // Somebody new: the identity in a data dir may be that of a node that runs.
    let member = is_short.then(|| Member::find(&asked.seed, None, status));
    async move {
        let mut print = |answer| show(&answer, status);
        match (member, data_dir) {
            (Some(member), _) => {
                let node = join(member?, &asked.bootstrap).await?;
                let mut page = Teller::Page(&mut print);
                let told = perform(&dht_of(&node)?, &request, &mut page).await;
                node.shutdown(LEAVE_WITHIN).await;
                told
            }
            (None, Some(data_dir)) => control::ask(data_dir, &request, print).await,
            (None, None) => Err(Failure::usage(
                "whom to ask? --data-dir DIR of a node that runs, or --bootstrap ADDR and --seed-file FILE",
            )),
        }
    }
}

/// A member for as long as the command runs: it asks and is not asked.
async fn join(member: Member, bootstrap: &[Place]) -> Result<Node, Failure> {
    let options = DhtOptions::new().serving(Serving::Never);
    let node = member.builder(&[]).await?.dht(options).start().await?;
    let targets = bootstrap.iter().map(Place::target);
    dht_of(&node)?.bootstrap(targets).await?;
    Ok(node)
}

/// How `stt node` takes part: not at all with a passphrase.
pub(crate) fn options(
    asked: &Run,
    door: Door,
    data_dir: Option<&Path>,
) -> Result<Option<DhtOptions>, Failure> {
    if door == Door::Open {
        if asked.bootstrap.is_empty() {
            return Ok(None);
        }
        return Err(Failure::usage(
            "a group with a passphrase has no DHT to join; it needs a random seed: stt seed new",
        ));
    }
    // Somebody has to be asked first: who joins by nobody is that one.
    let serves = asked.serves || asked.bootstrap.is_empty();
    let mut options = DhtOptions::new().serving(if serves {
        Serving::Always
    } else {
        Serving::Adaptive
    });
    for place in &asked.bootstrap {
        options = options.bootstrap(place.target());
    }
    if let Some(data_dir) = data_dir {
        options = options.data_dir(data_dir);
    }
    Ok(Some(options))
}

/// Answers a command that asks by the control socket.
pub(crate) async fn answer(
    node: &Node,
    request: &Request,
    conversation: &mut Conversation,
) -> Result<(), Failure> {
    let mut teller = Teller::Socket(conversation);
    perform(&dht_of(node)?, request, &mut teller).await
}

fn dht_of(node: &Node) -> Result<Dht, Failure> {
    let none = || Failure::usage("this group has a passphrase, so that it has no DHT");
    node.dht().ok_or_else(none)
}

/// What was found.
fn peer(found: FoundPeer) -> Answer {
    Answer::Peer(Peer {
        node: found.node.to_string(),
        addresses: found.addresses,
    })
}

async fn perform(dht: &Dht, request: &Request, teller: &mut Teller<'_>) -> Result<(), Failure> {
    match request {
        Request::Peers => {
            for member in dht.members() {
                teller.tell(peer(member)).await?;
            }
        }
        Request::FindPeer { node } => {
            let node: NodeId = node.parse().map_err(malformed)?;
            teller.tell(peer(dht.find_peer(node).await?)).await?;
        }
        Request::FindProviders { address } => {
            let mut providers = dht.find_providers(parse(address)?);
            while let Some(provider) = providers.next().await {
                teller.tell(peer(provider?)).await?;
            }
        }
        Request::Announce { address } => dht.announce(parse(address)?).await?,
        Request::Withdraw { address } => dht.withdraw(parse(address)?).await?,
        // Those are for the node itself, and for its storage.
        Request::Surroundings
        | Request::Put { .. }
        | Request::Get { .. }
        | Request::Replicate { .. }
        | Request::Release { .. } => {}
    }
    Ok(())
}

pub(crate) fn parse(address: &str) -> Result<Address, Failure> {
    address.parse().map_err(malformed)
}

fn malformed(error: impl std::fmt::Display) -> Failure {
    Failure::usage(error.to_string())
}

/// A line, or a document.
fn show(answer: &Answer, status: Status) -> Result<(), Failure> {
    let Answer::Peer(Peer { node, addresses }) = answer else {
        return Ok(());
    };
    if status == Status::Json {
        return pages::print_json(&json!({"node": node, "addresses": addresses}));
    }
    let addresses = addresses.iter().map(|address| format!(" {address}"));
    pages::print(&format!("{node}{}\n", addresses.collect::<String>()))
}

/// An object or a member, by its name.
impl std::str::FromStr for Sought {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(node) = text.parse() {
            return Ok(Self::Member(node));
        }
        let object: Result<ObjectName, _> = text.parse();
        object.map(Self::Object).map_err(|_| {
            "a node id has 52 characters of base32, an address 64 hexadecimal digits".into()
        })
    }
}

/// A short-lived node holds nothing that it could hand over.
const LEAVE_WITHIN: Duration = Duration::from_millis(500);
