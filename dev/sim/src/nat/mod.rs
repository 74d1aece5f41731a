//! How a NAT or a firewall behaves, in the terms of RFC 4787.
//!
//! Units: lifetimes are virtual time.
//!
//! Not here: the mappings that a NAT has (`table.rs`), whom an endpoint has sent to
//! (`permits.rs`), who is behind which NAT (`doors`).

mod permits;
mod table;

use std::time::Duration;

pub(crate) use permits::{Permits, ports_of};
pub(crate) use table::Table;

/// A NAT of one [`Net`](crate::Net), made by [`Net::nat`](crate::Net::nat).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NatId(pub(crate) usize);

/// What a NAT does. A mapping takes a port of the outside address for itself alone: ports are
/// never overloaded (RFC 4787, REQ-3 b).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nat {
    /// Which packets of an inside endpoint share an outside port (RFC 4787, section 4.1).
    pub mapping: Dependence,
    /// Whose packets are let in through a mapping (RFC 4787, section 5).
    pub filtering: Dependence,
    /// Which outside port a new mapping gets (RFC 4787, section 4.2).
    pub ports: Ports,
    /// Whether hosts behind the NAT reach each other by their outside addresses. The receiver then
    /// sees the outside address of the sender, and filtering holds as for all others (RFC 4787,
    /// section 6).
    pub hairpin: bool,
    /// How long a mapping lives unused, and how long who was sent to may answer (RFC 4787,
    /// section 4.3).
    pub lifetime: Duration,
    /// What counts as use.
    pub refresh: Refresh,
}

impl Nat {
    /// A NAT that preserves ports, has no hairpin, and forgets after two minutes without a packet
    /// out, the shortest time that RFC 4787 (REQ-5) allows.
    pub fn new(mapping: Dependence, filtering: Dependence) -> Self {
        Self {
            mapping,
            filtering,
            ports: Ports::Preserving,
            hairpin: false,
            lifetime: TWO_MINUTES,
            refresh: Refresh::Outbound,
        }
    }

    /// What most homes have: endpoint-independent mapping, address- and port-dependent filtering.
    pub fn home() -> Self {
        Self::new(
            Dependence::EndpointIndependent,
            Dependence::AddressAndPortDependent,
        )
    }

    /// The hard one: mapping and filtering depend on address and port, and ports are random.
    pub fn symmetric() -> Self {
        Self {
            ports: Ports::Random,
            ..Self::new(
                Dependence::AddressAndPortDependent,
                Dependence::AddressAndPortDependent,
            )
        }
    }

    /// The part that decides whom to let in.
    pub(crate) fn firewall(&self) -> Firewall {
        Firewall {
            filtering: self.filtering,
            lifetime: self.lifetime,
            refresh: self.refresh,
        }
    }
}

impl Default for Nat {
    /// [`Nat::home`].
    fn default() -> Self {
        Self::home()
    }
}

/// A stateful firewall: it lets everything out, and in only what may be an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Firewall {
    /// Whose packets may be answers to an endpoint that has sent.
    pub filtering: Dependence,
    /// How long after the last use an answer may come.
    pub lifetime: Duration,
    /// What counts as use.
    pub refresh: Refresh,
}

impl Default for Firewall {
    /// Answers come from the very address and port that was sent to; remembered for two minutes
    /// after the last packet out.
    fn default() -> Self {
        Nat::home().firewall()
    }
}

/// On what of the remote endpoint a mapping, or a filter, depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Dependence {
    /// On nothing: one mapping toward everybody; everybody may send to it.
    EndpointIndependent,
    /// On its address: a mapping for each remote host; hosts that were sent to may send.
    AddressDependent,
    /// On its address and port: a mapping for each remote endpoint; endpoints that were sent to
    /// may send.
    AddressAndPortDependent,
}

/// How a NAT chooses the port of a new mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Ports {
    /// The inside port; when it's taken, the next free one above (from 1024 again after 65535).
    Preserving,
    /// A random free one from 1024 up. It depends on the seed, on who is mapped and when, not on
    /// the other mappings (unless they have it).
    Random,
}

/// Which packets keep a mapping, or the memory of a firewall, alive (RFC 4787, REQ-6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Refresh {
    /// Packets that go out.
    Outbound,
    /// Packets that go out, and packets that are let in.
    Both,
}

const TWO_MINUTES: Duration = Duration::from_mins(2);
