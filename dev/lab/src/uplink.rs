//! One uplink: how a host, or a NAT, hangs on its network, and what becomes of it in a run.
//!
//! `down`, `up` and `change_address` happen at the host, whose kernel notices; `cut`, `heal`,
//! `firewall` and `shape` happen on the way, and nobody is told.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::address::Lease;
use crate::error::LabError;
use crate::firewall::Firewall;
use crate::link::{Counts, Link};
use crate::namespace::Namespace;
use crate::network::{Network, default_routes, v4_line, v6_line};
use crate::wire::{Rules, Wire};

/// Routes of the uplink that is preferred, and of the others, by the order of attachment.
const PREFERRED: u32 = 50;
const FIRST: u32 = 100;

/// How long an interface may take to notice its wire.
const SETTLE_STEP: Duration = Duration::from_millis(5);
const SETTLE_STEPS: u32 = 400;

/// How a host or a NAT hangs on its network. Clones are the same uplink.
#[derive(Debug, Clone)]
pub struct Uplink {
    wire: Arc<Mutex<Wire>>,
    metric: u32,
}

impl Uplink {
    /// Attaches `near` to a network by the interface `device`; `order` is its rank as a way out.
    pub(crate) fn attach(
        near: &Arc<Namespace>,
        network: &Arc<Network>,
        device: &str,
        order: u32,
    ) -> Result<Self, LabError> {
        let wire = Wire::lay(near.clone(), network.clone(), device)?;
        let uplink = Self {
            wire: Arc::new(Mutex::new(wire)),
            metric: FIRST + order,
        };
        uplink.up()?;
        Ok(uplink)
    }

    /// The IPv4 address at the near end.
    pub fn ipv4(&self) -> Ipv4Addr {
        self.lock().lease().v4
    }

    /// The IPv6 address at the near end, if the network has IPv6.
    pub fn ipv6(&self) -> Option<Ipv6Addr> {
        self.lock().lease().v6
    }

    /// The interface's name at the near end.
    pub fn device(&self) -> String {
        self.lock().device().to_owned()
    }

    /// Takes the interface down. Its kernel notices, and its routes are gone.
    ///
    /// # Errors
    /// [`LabError`], if the machine refuses.
    pub fn down(&self) -> Result<(), LabError> {
        let wire = self.lock();
        wire.near().ip(&format!("link set {} down", wire.device()))
    }

    /// Takes the interface up, with its addresses and its default routes.
    ///
    /// # Errors
    /// [`LabError`], if the machine refuses.
    pub fn up(&self) -> Result<(), LabError> {
        take_up(&self.lock(), self.metric)
    }

    /// Loses all packets, both ways, until [`heal`](Self::heal). Neither end is told.
    ///
    /// # Errors
    /// [`LabError`], if the machine refuses.
    pub fn cut(&self) -> Result<(), LabError> {
        let (out, back) = ("drop", "drop");
        self.lock().set_rules("cut", Rules { out, back })
    }

    /// Ends a [`cut`](Self::cut).
    ///
    /// # Errors
    /// [`LabError`], if the machine refuses.
    pub fn heal(&self) -> Result<(), LabError> {
        let (out, back) = ("", "");
        self.lock().set_rules("cut", Rules { out, back })
    }

    /// Puts a firewall at the far end, in place of the one that may be there.
    ///
    /// # Errors
    /// [`LabError`], if the machine refuses.
    pub fn firewall(&self, firewall: Firewall) -> Result<(), LabError> {
        self.lock().set_rules("wall", firewall.rules())
    }

    /// Makes the uplink slow, narrow or lossy, or perfect again: first what the near end sends,
    /// then what it receives. What is under way arrives as it would have.
    ///
    /// The first call puts new interfaces in place of the old, which running programs notice; call
    /// it with [`Link::PERFECT`] before they start if they shall not.
    ///
    /// # Errors
    /// [`LabError`], if the machine refuses.
    pub fn shape(&self, out: Link, back: Link) -> Result<(), LabError> {
        let mut wire = self.lock();
        if wire.shape([out, back])? {
            take_up(&wire, self.metric)?;
        }
        Ok(())
    }

    /// What became of the packets that the near end sent, and of those for it, since the first
    /// [`shape`](Self::shape); nothing is counted before.
    pub fn counts(&self) -> [Counts; 2] {
        self.lock().counts()
    }

    /// Gives the near end other addresses of the same network; the old ones are gone at once.
    ///
    /// # Errors
    /// [`LabError`], if the machine refuses, or the network is full.
    pub fn change_address(&self) -> Result<(), LabError> {
        self.readdress(false)
    }

    /// The same for IPv4 alone.
    pub(crate) fn change_address_v4(&self) -> Result<(), LabError> {
        self.readdress(true)
    }

    fn readdress(&self, keeps_v6: bool) -> Result<(), LabError> {
        let mut wire = self.lock();
        let old = wire.change_lease(keeps_v6)?;
        let device = wire.device();
        let mut lines = format!("addr del {}/24 dev {device}\n", old.v4);
        if let Some(address) = old.v6.filter(|_| !keeps_v6) {
            let _ = writeln!(lines, "addr del {address}/64 dev {device}");
        }
        wire.near().ip(&lines)?;
        take_up(&wire, self.metric)
    }

    /// Takes the IPv4 address away, until [`up`](Self::up) or [`change_address`](Self::change_address)
    /// gives one again. Link-local IPv6 addresses stay.
    ///
    /// # Errors
    /// [`LabError`], if the machine refuses.
    pub fn take_ipv4(&self) -> Result<(), LabError> {
        let wire = self.lock();
        let (device, address) = (wire.device(), wire.lease().v4);
        wire.near()
            .ip(&format!("addr del {address}/24 dev {device}"))
    }

    /// Sets the size of the largest packet at both ends, in bytes with their IP header.
    ///
    /// # Errors
    /// [`LabError`], if the machine refuses.
    pub fn set_mtu(&self, bytes: u16) -> Result<(), LabError> {
        self.lock().set_mtu(bytes)
    }

    /// Makes it the way out, or one of the others again.
    pub(crate) fn prefer(&self, rank: Rank) -> Result<(), LabError> {
        let wire = self.lock();
        let routes = default_routes(&wire.lease(), wire.device(), PREFERRED);
        match rank {
            Rank::Preferred => wire.near().ip(&routes),
            // It may not have been preferred, or its interface may be down: no route, no harm.
            Rank::Spare => {
                for line in routes.lines() {
                    let _ = wire.near().ip(&line.replace("route replace", "route del"));
                }
                Ok(())
            }
        }
    }

    /// The number of its place in the network it leads to.
    pub(crate) fn number(&self) -> u8 {
        self.lock().number()
    }

    /// From now on another interface of the near end is as narrow as this one.
    pub(crate) fn share_mtu(&self, device: &'static str) {
        self.lock().share_mtu(device);
    }

    /// Routes a block of addresses to the near end.
    pub(crate) fn route_here(&self, block: &str) -> Result<(), LabError> {
        let mut wire = self.lock();
        let Some(via) = wire.lease().v6 else {
            return Ok(());
        };
        wire.add_far_route(format!("{block} via {via}"))
    }

    fn lock(&self) -> MutexGuard<'_, Wire> {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an uplink is the way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rank {
    Preferred,
    Spare,
}

/// Takes the near interface up, with addresses and routes.
fn take_up(wire: &Wire, metric: u32) -> Result<(), LabError> {
    let device = wire.device();
    let lease: Lease = wire.lease();
    wire.near().ip(&format!(
        "link set {device} up\n{}{}{}",
        v4_line(device, lease.v4),
        v6_line(device, lease.v6),
        default_routes(&lease, device, metric),
    ))?;
    settle(wire)
}

/// Waits until both kernels have taken note that the wire is whole; what is sent before is lost,
/// and first of all the question for the neighbour's hardware address, which costs a second.
fn settle(wire: &Wire) -> Result<(), LabError> {
    for _ in 0..SETTLE_STEPS {
        if wire.is_whole()? {
            break;
        }
        thread::sleep(SETTLE_STEP);
    }
    Ok(()) // somebody may have taken its far end down, on purpose
}
