//! A NAT router: its outer side is an uplink, its inner side a LAN that hosts attach to.

use std::sync::Arc;

use crate::address::routed_v6;
use crate::error::LabError;
use crate::namespace::Namespace;
use crate::nat::{Ipv6, NatKind, OWN_DEVICE, PortGrants, Translator, kernel_rules, v6_rules};
use crate::network::Network;
use crate::uplink::Uplink;

/// A NAT router. It is gone when this value and the hosts behind it are.
#[derive(Debug)]
pub struct Nat {
    namespace: Arc<Namespace>,
    kind: NatKind,
    outside: Uplink,
    inside: Arc<Network>,
}

impl Nat {
    pub(crate) fn create(
        namespace: Arc<Namespace>,
        outer: &Arc<Network>,
        kind: NatKind,
        ipv6: Ipv6,
    ) -> Result<Self, LabError> {
        let outside = Uplink::attach(&namespace, outer, "wan", 0)?;
        let v6_number = (ipv6 != Ipv6::None && outer.depth() == 0).then_some(outside.number());
        let inside = Network::lan(namespace.clone(), outer.depth() + 1, v6_number)?;
        let nat = Self {
            namespace,
            kind,
            outside,
            inside: Arc::new(inside),
        };
        nat.start(ipv6)?;
        if let Some(number) = v6_number {
            nat.outside.route_here(&routed_v6(number))?;
        }
        Ok(nat)
    }

    fn start(&self, ipv6: Ipv6) -> Result<(), LabError> {
        if self.kind.is_of_linux() {
            let seconds = self.kind.lifetime.as_secs().to_string();
            for key in ["udp_timeout", "udp_timeout_stream"] {
                self.namespace
                    .set(&format!("netfilter/nf_conntrack_{key}"), &seconds)?;
            }
            self.load_rules()?;
        } else {
            let external = self.outside.ipv4();
            let lan = self.inside.gateway_v4();
            let translator = Translator::start(&self.namespace, self.kind, external, lan)?;
            self.inside.keep(translator);
            self.outside.share_mtu(OWN_DEVICE);
        }
        self.namespace.nft(v6_rules(ipv6))?;
        self.namespace.set("ipv4/ip_forward", "1")?;
        self.namespace.set("ipv6/conf/all/forwarding", "1")
    }

    fn load_rules(&self) -> Result<(), LabError> {
        let rules = kernel_rules(&self.kind, self.outside.ipv4());
        self.namespace.nft(&rules).map(drop)
    }

    /// Starts anew, without mappings and with the address of the outer side.
    fn forget(&self) -> Result<(), LabError> {
        let Some(translator) = self.inside.translator() else {
            return self.load_rules();
        };
        translator.restart(self.outside.ipv4());
        Ok(())
    }

    /// What it is.
    pub fn kind(&self) -> NatKind {
        self.kind
    }

    /// Its outer side; `ipv4` of it is the external address.
    pub fn uplink(&self) -> Uplink {
        self.outside.clone()
    }

    /// Gives it another external address. Mappings of the old one are gone.
    ///
    /// # Errors
    /// [`LabError`], if the machine refuses.
    pub fn change_address(&self) -> Result<(), LabError> {
        self.outside.change_address_v4()?;
        self.forget()
    }

    /// Forgets all mappings, as if it had been switched off and on.
    ///
    /// # Errors
    /// [`LabError`], if the machine refuses.
    pub fn restart(&self) -> Result<(), LabError> {
        // Connection tracking forgets what it has masqueraded by an interface that goes down.
        self.outside.down()?;
        self.forget()?;
        self.outside.up()
    }

    /// Opens ports for hosts that ask by NAT-PMP, until the value is dropped. For NATs of the kernel.
    ///
    /// # Errors
    /// [`LabError`], if the machine refuses.
    pub fn grant_ports(&self) -> Result<PortGrants, LabError> {
        let (gateway, external) = (self.inside.gateway_v4(), self.outside.ipv4());
        PortGrants::start(&self.namespace, gateway, external)
    }

    /// The LAN.
    pub(crate) fn network(&self) -> &Arc<Network> {
        &self.inside
    }
}
