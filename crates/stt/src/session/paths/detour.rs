//! Where a tunnel may lead that a session takes when it hears nothing any more.
//!
//! The application named some places when it dialled; others the peer tells. What a peer tells may be
//! anybody's, so such a place is dialled only on a host where the peer itself was reached; a name, only
//! where it leads to such a host.
//!
//! spec: WIRE-133, REACH-27

use std::net::{IpAddr, SocketAddr};

use parking_lot::Mutex;
use stt_wire::{Candidate, Candidates};

use crate::transport::{
    link::Route,
    websocket::{certificates::Certificates, url::Url},
};

/// The places of one session.
#[derive(Debug, Default)]
pub(crate) struct Detours {
    named: Mutex<Vec<Route>>,
    told: Mutex<Vec<Url>>,
    hosts: Mutex<Vec<IpAddr>>,
}

impl Detours {
    /// The application says that the peer listens there.
    pub(crate) fn named(&self, route: Route) {
        let mut named = self.named.lock();
        if named.len() < MAX_ROUTES && !named.contains(&route) {
            named.push(route);
        }
    }

    /// The peer says where it listens.
    pub(super) fn told(&self, candidates: &Candidates) {
        let urls = candidates.places.iter().filter_map(|place| match place {
            Candidate::WebSocket(url) => url.as_str().parse().ok(),
            _ => None,
        });
        *self.told.lock() = urls.take(MAX_ROUTES).collect();
    }

    /// A path led to the peer there.
    pub(super) fn reached_at(&self, address: SocketAddr) {
        let (mut hosts, ip) = (self.hosts.lock(), address.ip().to_canonical());
        hosts.retain(|host| *host != ip);
        hosts.insert(0, ip);
        hosts.truncate(MAX_HOSTS);
    }

    pub(super) fn routes(&self) -> Vec<Route> {
        let mut routes = self.named.lock().clone();
        let hosts = self.hosts.lock();
        for url in self.told.lock().iter() {
            // A name says nothing of who is there: where it leads does, when it is dialled.
            let only = match url.host.parse::<IpAddr>() {
                Ok(host) if !hosts.contains(&host) => continue,
                Ok(_) => None,
                Err(_) if hosts.is_empty() => continue,
                Err(_) => Some(hosts.clone()),
            };
            if !routes.iter().any(|route| route.url == *url) {
                routes.push(Route {
                    url: url.clone(),
                    certificates: Certificates::Any,
                    only,
                });
            }
        }
        routes.truncate(MAX_ROUTES);
        routes
    }

    pub(super) fn are_there(&self) -> bool {
        !self.named.lock().is_empty() || !self.told.lock().is_empty()
    }
}

const MAX_ROUTES: usize = 8;
const MAX_HOSTS: usize = 8;

#[cfg(test)]
mod tests {
    use stt_wire::{Mapping, Name};

    use super::*;

    #[test]
    fn a_place_that_the_peer_tells_is_dialled_only_on_a_host_where_it_was_reached() {
        let detours = Detours::default();
        let named = Route {
            url: "wss://example.org".parse().unwrap(),
            certificates: Certificates::OfTheSystem,
            only: None,
        };
        detours.named(named.clone());
        let urls = [
            "ws://192.0.2.1:80",
            "ws://192.0.2.2:80",
            "ws://node.example/x",
        ];
        detours.told(&Candidates {
            mapping: Mapping::Unknown,
            places: urls
                .map(|url| Candidate::WebSocket(Name::try_from(url).unwrap()))
                .to_vec(),
        });
        assert_eq!(detours.routes(), [named]);
        detours.reached_at("[::ffff:192.0.2.2]:4000".parse().unwrap());
        let routes = detours.routes();
        let urls: Vec<_> = routes.iter().map(|route| route.url.to_string()).collect();
        assert_eq!(urls[1..], ["ws://192.0.2.2", "ws://node.example/x"]);
        let by_name = &routes[2];
        assert!(by_name.may_lead_to("192.0.2.2".parse().unwrap()));
        assert!(by_name.may_lead_to("::ffff:192.0.2.2".parse().unwrap()));
        for elsewhere in ["192.0.2.1", "127.0.0.1", "::1"] {
            assert!(!by_name.may_lead_to(elsewhere.parse().unwrap()));
        }
    }
}
