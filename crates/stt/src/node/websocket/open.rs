//! Our own connections: a tag, a request, a tunnel.

use std::{net::SocketAddr, sync::Arc};

use stc::SeedKeys;

use super::lifetime;
use crate::{
    node::shared::Shared,
    transport::{
        cid::first_connection_id,
        link::{Hold, Origin, PathKind},
        websocket::{
            dial::{Way, WebSocketError, dial},
            proxy::{Proxy, ProxyError},
            request::{TAG_LEN, Tag},
            url::Url,
        },
    },
};

/// The proxy on the way to `url`, if there is one. A simulation has no environment.
pub(in crate::node) fn proxy_to(shared: &Shared, url: &Url) -> Result<Option<Proxy>, ProxyError> {
    let is_real = !shared.platform.is_deterministic();
    let choice = &shared.websockets.proxy;
    choice.proxy_to(url, |name| std::env::var(name).ok().filter(|_| is_real))
}

/// Opens a tunnel to `address` under one seed. Returns what the engine calls its other end, and
/// what keeps it open.
pub(in crate::node) async fn open(
    shared: &Arc<Shared>,
    way: Way<'_>,
    address: SocketAddr,
    seed: &SeedKeys,
) -> Result<(SocketAddr, Hold), WebSocketError> {
    let socket = dial(&shared.platform, way, address, tag(shared, seed)).await?;
    let tunnel = shared.endpoint.link().open_tunnel(Origin {
        address,
        kind: PathKind::WebSocket,
    });
    let (remote, hold) = (tunnel.address(), tunnel.hold());
    let running = lifetime::run(Arc::clone(shared), socket, tunnel, None);
    shared.platform.spawn(running);
    Ok((remote, hold))
}

/// What a first connection id would be: a gate tag, or random bytes.
fn tag(shared: &Shared, seed: &SeedKeys) -> Tag {
    let id = first_connection_id(seed, &mut shared.platform.entropy());
    let mut tag = [0; TAG_LEN];
    tag.copy_from_slice(&id);
    tag
}
