//! Tunnels for sessions that hear nothing any more by the way they took.
//!
//! The session says where the peer listens for WebSockets; one is opened, and the session opens a path
//! over it. What becomes of it then is the session's to decide.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures_util::stream::{FuturesUnordered, StreamExt};

use super::open;
use crate::{
    node::{dial, shared::Shared},
    session::SessionId,
    transport::{
        link::{Hold, Route, Wanted},
        websocket::dial::Way,
    },
};

/// Opens what sessions ask for until the node is shut down.
pub(in crate::node) async fn serve(shared: Arc<Shared>) {
    let detours = &shared.endpoint.link().detours;
    loop {
        let wanted = tokio::select! {
            biased;
            () = shared.websockets.stopping.raised() => return,
            wanted = detours.next() => wanted,
        };
        let opening = open_one(Arc::clone(&shared), wanted);
        shared.platform.spawn(opening);
    }
}

async fn open_one(shared: Arc<Shared>, wanted: Wanted) {
    let Some(session) = shared.session(SessionId(wanted.session)) else {
        return;
    };
    let opening = first_of(&shared, &session, &wanted.routes);
    let opened = tokio::select! {
        biased;
        _ = session.closed() => None,
        opened = shared.platform.timeout(PATIENCE, opening) => opened.flatten(),
    };
    if let Some((remote, hold)) = opened {
        session.core().paths.news.tunnel(remote, hold);
    }
}

/// The first that comes about; they start one after the other.
async fn first_of(
    shared: &Arc<Shared>,
    session: &crate::Session,
    routes: &[Route],
) -> Option<(SocketAddr, Hold)> {
    let mut running = FuturesUnordered::new();
    let mut waiting = routes.iter();
    loop {
        match waiting.next() {
            Some(route) => running.push(open_by(shared, session, route)),
            None if running.is_empty() => return None,
            None => {}
        }
        let is_last = waiting.len() == 0;
        tokio::select! {
            biased;
            Some(opened) = running.next() => if opened.is_some() { return opened },
            () = shared.platform.sleep(STAGGER), if !is_last => {}
        }
    }
}

async fn open_by(
    shared: &Arc<Shared>,
    session: &crate::Session,
    route: &Route,
) -> Option<(SocketAddr, Hold)> {
    let group = shared.group();
    let seed = group.seed(session.epoch())?;
    let proxy = super::proxy_to(shared, &route.url).ok()?;
    // A proxy looks the name up itself, so that nobody here knows where it leads.
    if proxy.is_some() && route.only.is_some() {
        return None;
    }
    let (host, port) = match &proxy {
        Some(proxy) => (proxy.host.as_str(), proxy.port),
        None => (route.url.host.as_str(), route.url.port),
    };
    let addresses = dial::addresses_of(host, port).await.ok()?.into_iter();
    for address in addresses.filter(|address| route.may_lead_to(address.ip())) {
        let way = Way {
            url: &route.url,
            proxy: proxy.as_ref(),
            certificates: &route.certificates,
        };
        match open(shared, way, address, &seed).await {
            Ok(opened) => return Some(opened),
            Err(error) => tracing::debug!(%error, url = %route.url, "detour"),
        }
    }
    None
}

const PATIENCE: Duration = Duration::from_secs(10);
const STAGGER: Duration = Duration::from_millis(250);
