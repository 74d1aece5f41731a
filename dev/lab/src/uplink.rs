//! One uplink: the wire between a host, or a NAT, and the network it is attached to.
//!
//! What happens to it in a run happens in two places. `down`, `up` and `change_address` happen at
//! the host, whose kernel notices; `cut`, `heal` and `firewall` happen at the far end, and nobody
//! is told.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::address::Lease;
use crate::error::LabError;
use crate::firewall::Firewall;
use crate::namespace::Namespace;
use crate::network::{Network, default_routes, v4_line, v6_line};
use crate::tools;

/// Routes of the uplink that is preferred, and of the others, by the order of attachment.
const PREFERRED: u32 = 50;
const FIRST: u32 = 100;

/// How long an interface may take to notice its wire.
const SETTLE_STEP: Duration = Duration::from_millis(5);
const SETTLE_STEPS: u32 = 400;

/// A wire between a host or a NAT and its network. Clones are the same wire.
#[derive(Debug, Clone)]
pub struct Uplink {
    wire: Arc<Wire>,
}

#[derive(Debug)]
struct Wire {
    near: Arc<Namespace>,
    network: Arc<Network>,
    device: String,
    port: String,
    number: u8,
    metric: u32,
    lease: Mutex<Lease>,
}

impl Uplink {
    /// Attaches `near` to a network by the interface `device`; `order` is its rank as a way out.
    pub(crate) fn attach(
        near: &Arc<Namespace>,
        network: &Arc<Network>,
        device: &str,
        order: u32,
    ) -> Result<Self, LabError> {
        let place = network.place()?;
        tools::ip(&format!(
            "link add {device} netns {} type veth peer name {} netns {}",
            near.name(),
            place.port,
            network.namespace.name()
        ))?;
        network.admit(&place)?;
        let wire = Wire {
            near: near.clone(),
            network: network.clone(),
            device: device.to_owned(),
            port: place.port,
            number: place.number,
            metric: FIRST + order,
            lease: Mutex::new(place.lease),
        };
        let uplink = Self {
            wire: Arc::new(wire),
        };
        uplink.up()?;
        Ok(uplink)
    }

    /// The IPv4 address at the near end.
    pub fn ipv4(&self) -> Ipv4Addr {
        self.lease().v4
    }

    /// The IPv6 address at the near end, if the network has IPv6.
    pub fn ipv6(&self) -> Option<Ipv6Addr> {
        self.lease().v6
    }

    /// The interface's name at the near end.
    pub fn device(&self) -> &str {
        &self.wire.device
    }

    /// The number of the network of the internet that it leads to, if it leads there.
    pub(crate) fn number(&self) -> u8 {
        self.wire.number
    }

    /// Takes the interface down. Its kernel notices, and its routes are gone.
    ///
    /// # Errors
    /// [`LabError`], if the machine refuses.
    pub fn down(&self) -> Result<(), LabError> {
        let device = self.device();
        self.wire.near.ip(&format!("link set {device} down"))
    }

    /// Takes the interface up, with its addresses and its default routes.
    ///
    /// # Errors
    /// [`LabError`], if the machine refuses.
    pub fn up(&self) -> Result<(), LabError> {
        let device = self.device();
        let lease = self.lease();
        self.wire.near.ip(&format!(
            "link set {device} up\n{}{}{}",
            v4_line(device, lease.v4),
            v6_line(device, lease.v6),
            default_routes(&lease, device, self.wire.metric),
        ))?;
        self.settle()
    }

    /// Waits until the kernel has taken note that the wire is whole; what is sent before is lost,
    /// and first of all the question for the neighbour's hardware address, which costs a second.
    fn settle(&self) -> Result<(), LabError> {
        let show = format!(
            "-netns {} -brief link show dev {}",
            self.wire.near.name(),
            self.device()
        );
        for _ in 0..SETTLE_STEPS {
            if tools::ip(&show)?.split_whitespace().nth(1) == Some("UP") {
                break;
            }
            thread::sleep(SETTLE_STEP);
        }
        Ok(()) // its far end may be down, on purpose
    }

    /// Loses all packets, both ways, until [`heal`](Self::heal). Neither end is told.
    ///
    /// # Errors
    /// [`LabError`], if the machine refuses.
    pub fn cut(&self) -> Result<(), LabError> {
        self.far_rules("cut", "drop", "drop")
    }

    /// Ends a [`cut`](Self::cut).
    ///
    /// # Errors
    /// [`LabError`], if the machine refuses.
    pub fn heal(&self) -> Result<(), LabError> {
        self.far_rules("cut", "", "")
    }

    /// Puts a firewall at the far end, in place of the one that may be there.
    ///
    /// # Errors
    /// [`LabError`], if the machine refuses.
    pub fn firewall(&self, firewall: Firewall) -> Result<(), LabError> {
        self.far_rules("wall", firewall.out(), firewall.into_near())
    }

    /// Gives the near end other addresses of the same network; the old ones are gone at once.
    ///
    /// # Errors
    /// [`LabError`], if the machine refuses, or the network is full.
    pub fn change_address(&self) -> Result<(), LabError> {
        let new = self.other_lease()?;
        self.move_to(new)
    }

    /// The same for IPv4 alone.
    pub(crate) fn change_address_v4(&self) -> Result<(), LabError> {
        let v6 = self.lease().v6;
        let new = self.other_lease()?;
        self.move_to(Lease { v6, ..new })
    }

    fn other_lease(&self) -> Result<Lease, LabError> {
        self.wire.network.another(self.wire.number, self.lease())
    }

    fn move_to(&self, new: Lease) -> Result<(), LabError> {
        let old = std::mem::replace(&mut *self.lock(), new);
        let device = self.device();
        let mut lines = format!("addr del {}/24 dev {device}\n", old.v4);
        if let Some(address) = old.v6.filter(|_| old.v6 != new.v6) {
            let _ = writeln!(lines, "addr del {address}/64 dev {device}");
        }
        self.wire.near.ip(&lines)?;
        self.up()
    }

    /// Sets the size of the largest packet at both ends, in bytes with their IP header.
    ///
    /// # Errors
    /// [`LabError`], if the machine refuses.
    pub fn set_mtu(&self, bytes: u16) -> Result<(), LabError> {
        let Wire {
            near,
            network,
            device,
            port,
            ..
        } = &*self.wire;
        near.ip(&format!("link set {device} mtu {bytes}"))?;
        network
            .namespace
            .ip(&format!("link set {port} mtu {bytes}"))
    }

    /// Makes it the way out, or one of the others again.
    pub(crate) fn prefer(&self, rank: Rank) -> Result<(), LabError> {
        let lease = self.lease();
        let routes = default_routes(&lease, self.device(), PREFERRED);
        match rank {
            Rank::Preferred => self.wire.near.ip(&routes),
            // It may not have been preferred, or its interface may be down: no route, no harm.
            Rank::Spare => {
                for line in routes.lines() {
                    let _ = self
                        .wire
                        .near
                        .ip(&line.replace("route replace", "route del"));
                }
                Ok(())
            }
        }
    }

    fn far_rules(&self, table: &str, out: &str, into: &str) -> Result<(), LabError> {
        let port = &self.wire.port;
        let table = format!("table netdev {table}-{port}");
        let rules = format!(
            "{table}\ndelete {table}\n{table} {{
               chain from {{ type filter hook ingress device {port} priority 0; {out}
               }}
               chain to {{ type filter hook egress device {port} priority 0; {into}
               }}
             }}"
        );
        self.wire.network.namespace.nft(&rules).map(drop)
    }

    fn lease(&self) -> Lease {
        *self.lock()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Lease> {
        let lease = &self.wire.lease;
        lease.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an uplink is the way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rank {
    Preferred,
    Spare,
}
