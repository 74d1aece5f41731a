//! Asks the router to let others in at a port of its own, by UPnP, NAT-PMP (RFC 6886) or PCP (RFC 6887).
//!
//! What the router grants is one more place to be reached at, and is told to members like the others. It is
//! asked for again before it ends, and given back when the node stops.

use std::{
    fmt,
    net::{SocketAddr, SocketAddrV4},
    num::NonZeroU16,
    sync::Arc,
    time::Duration,
};

use portmapper::{Client, Config, ProbeOutput};

use super::{Node, shared::Shared};
use crate::{nat::message::Sender, transport::link::Link};

/// What a router said that was asked to let others in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PortMapping {
    /// The protocols by which it answered; none if there is no router that takes such wishes.
    pub protocols: Vec<RouterProtocol>,
    /// Where it lets others in, if it does.
    pub address: Option<SocketAddr>,
}

/// How a router is asked for a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RouterProtocol {
    /// UPnP Internet Gateway Device.
    Upnp,
    /// NAT-PMP (RFC 6886).
    NatPmp,
    /// PCP (RFC 6887).
    Pcp,
}

impl fmt::Display for RouterProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upnp => "UPnP",
            Self::NatPmp => "NAT-PMP",
            Self::Pcp => "PCP",
        })
    }
}

impl Node {
    /// What the router said that was asked to let others in
    /// ([`NodeBuilder::map_port`](super::NodeBuilder::map_port)); `None` if it was not asked, or has not
    /// been given the time to answer yet, about a second.
    pub fn port_mapping(&self) -> Option<PortMapping> {
        let protocols = self.shared.router.lock().clone()?;
        Some(PortMapping {
            protocols,
            address: self.shared.endpoint.link().outside.mapped(),
        })
    }
}

/// Has a port mapped until the node stops. There is nothing to be done for a node that nobody beyond a
/// router could reach anyway.
pub(super) async fn run(shared: Arc<Shared>) {
    let stopped = shared.stopped.notified();
    let Some(port) = mappable_port(shared.endpoint.link()) else {
        return;
    };
    if shared.is_stopping() {
        return;
    }
    let client = Client::new(Config::default());
    tokio::select! {
        biased;
        () = stopped => {}
        () = follow(&shared, &client, port) => {}
    }
    client.deactivate();
    // The client does one thing after the other: when this is answered the port has been given back.
    let _ = shared.platform.timeout(GIVING_BACK, client.probe()).await;
    shared.endpoint.link().outside.set_mapped(None);
    shared.port_given_back.raise();
}

/// Waits until the router has been told that the node stops, if it was asked for a port; not for long.
pub(super) async fn given_back(shared: &Shared) {
    if shared.endpoint.link().outside.mapped().is_some() {
        let given_back = shared.port_given_back.raised();
        shared.platform.timeout(GIVING_BACK, given_back).await;
    }
}

async fn follow(shared: &Shared, client: &Client, port: NonZeroU16) {
    let mut addresses = client.watch_external_address();
    loop {
        // Which of the protocols the router speaks has to be known first.
        let speaks = client.probe().await.ok().and_then(Result::ok);
        *shared.router.lock() = Some(speaks.map_or_else(Vec::new, |speaks| protocols(&speaks)));
        client.update_local_port(port);
        client.procure_mapping();
        let mut wait = Some(TRY_AGAIN);
        while let Some(changed) = until_changed(shared, &mut addresses, wait).await {
            tracing::debug!(mapped = ?changed, "the router's port");
            shared.endpoint.link().outside.set_mapped(changed);
            shared.happenings.mapped(changed);
            for session in shared.sessions() {
                session.core().paths.news.network_changed(Sender::Stayed);
            }
            // The client keeps what it was granted.
            wait = changed.is_none().then_some(TRY_AGAIN);
        }
    }
}

fn protocols(speaks: &ProbeOutput) -> Vec<RouterProtocol> {
    let all = [
        (speaks.upnp, RouterProtocol::Upnp),
        (speaks.nat_pmp, RouterProtocol::NatPmp),
        (speaks.pcp, RouterProtocol::Pcp),
    ];
    all.into_iter()
        .filter_map(|(answered, protocol)| answered.then_some(protocol))
        .collect()
}

/// The address that was granted, when it is another one; `None` if nothing changed for so long.
async fn until_changed(
    shared: &Shared,
    addresses: &mut Addresses,
    wait: Option<Duration>,
) -> Option<Option<SocketAddr>> {
    let changed = async {
        if addresses.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    match wait {
        Some(wait) => shared.platform.timeout(wait, changed).await?,
        None => changed.await,
    }
    Some(addresses.borrow_and_update().map(SocketAddr::V4))
}

type Addresses = tokio::sync::watch::Receiver<Option<SocketAddrV4>>;

/// The port of the first IPv4 socket that is not for this machine alone.
fn mappable_port(link: &Link) -> Option<NonZeroU16> {
    let open = |address: &SocketAddr| address.is_ipv4() && !address.ip().is_loopback();
    let address = link.addresses().into_iter().find(open)?;
    NonZeroU16::new(address.port())
}

/// A router that grants nothing may be another one by then.
const TRY_AGAIN: Duration = Duration::from_secs(300);

const GIVING_BACK: Duration = Duration::from_secs(1);
