//! The lab: an internet of one router, and whatever is attached to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::LabError;
use crate::host::Host;
use crate::namespace::{self, Namespace};
use crate::nat::{Ipv6, NatKind};
use crate::network::Network;
use crate::router::Nat;
use crate::tools;

/// Labs of this process so far.
static LABS: AtomicUsize = AtomicUsize::new(0);

/// A network of real kernels. Several may be open at a time, in one process or in many.
#[derive(Debug)]
pub struct Lab {
    id: usize,
    internet: Arc<Network>,
}

impl Lab {
    /// Whether this machine can have a lab, as far as can be told without opening one.
    ///
    /// # Errors
    /// [`LabError::Unavailable`], and why.
    pub fn check() -> Result<(), LabError> {
        tools::check()
    }

    /// Opens a lab that has an internet, IPv4 and IPv6, and nobody on it. Removes what labs of
    /// processes that died have left.
    ///
    /// # Errors
    /// [`LabError::Unavailable`] where a lab cannot be, and why: no root, a missing program, no
    /// namespaces.
    pub fn new() -> Result<Self, LabError> {
        tools::check()?;
        namespace::remove_stale();
        let id = LABS.fetch_add(1, Ordering::Relaxed);
        let internet = Arc::new(Namespace::create(id, "internet")?);
        internet.set("ipv4/ip_forward", "1")?;
        internet.set("ipv6/conf/all/forwarding", "1")?;
        internet.nft(PROVIDERS)?;
        Ok(Self {
            id,
            internet: Arc::new(Network::internet(internet)),
        })
    }

    /// A host with public addresses, IPv4 and IPv6.
    ///
    /// # Errors
    /// [`LabError`], if the machine refuses.
    pub fn host_public(&self, name: &str) -> Result<Host, LabError> {
        Host::attached(self.namespace(name)?, &self.internet)
    }

    /// A host on the LAN of a NAT. Hosts of one LAN hear each other's broadcasts.
    ///
    /// # Errors
    /// [`LabError`], if the machine refuses.
    pub fn host_behind(&self, name: &str, nat: &Nat) -> Result<Host, LabError> {
        Host::attached(self.namespace(name)?, nat.network())
    }

    /// A NAT on the internet, without IPv6 inside.
    ///
    /// # Errors
    /// [`LabError`], if the machine refuses.
    pub fn nat(&self, name: &str, kind: NatKind) -> Result<Nat, LabError> {
        self.nat_dual(name, kind, Ipv6::None)
    }

    /// A NAT on the internet, with IPv6 inside as said.
    ///
    /// # Errors
    /// [`LabError`], if the machine refuses.
    pub fn nat_dual(&self, name: &str, kind: NatKind, ipv6: Ipv6) -> Result<Nat, LabError> {
        Nat::create(self.namespace(name)?, &self.internet, kind, ipv6)
    }

    /// A NAT on the LAN of another, as behind a carrier's.
    ///
    /// # Errors
    /// [`LabError`], if the machine refuses.
    pub fn nat_behind(&self, name: &str, outer: &Nat, kind: NatKind) -> Result<Nat, LabError> {
        Nat::create(self.namespace(name)?, outer.network(), kind, Ipv6::None)
    }

    /// The name of the internet's namespace, for `ip netns exec`.
    pub fn namespace_of_internet(&self) -> &str {
        self.internet.namespace.name()
    }

    pub(crate) fn network(&self) -> &Arc<Network> {
        &self.internet
    }

    fn namespace(&self, name: &str) -> Result<Arc<Namespace>, LabError> {
        Namespace::create(self.id, name).map(Arc::new)
    }
}

/// What providers do: packets whose source is not of the network they come from go nowhere.
const PROVIDERS: &str = "table inet providers {
  chain sources { type filter hook prerouting priority raw
    fib saddr . iif oif missing drop
  }
}";
