//! How long a WebSocket is carried: as long as a session needs it, and a moment before and after.

use std::{sync::Arc, time::Duration};

use super::seat::Seat;
use crate::{
    node::shared::Shared,
    transport::{
        link::Tunnel,
        websocket::{WebSocket, carry::carry, ending::Ending},
    },
};

/// Carries a tunnel until nobody needs it. One that came from outside has a seat until a session
/// is there.
pub(super) async fn run(
    shared: Arc<Shared>,
    socket: WebSocket,
    tunnel: Tunnel,
    seat: Option<Seat>,
) {
    let websockets = &shared.websockets;
    let until = async {
        tokio::select! {
            biased;
            () = websockets.stopped.raised() => Ending::GoingAway,
            ending = needed(&shared, &tunnel, seat) => ending,
        }
    };
    websockets.carried.send_modify(|carried| *carried += 1);
    let limits = &shared.limits;
    let patience = limits.idle_timeout.saturating_add(limits.keep_alive);
    let ending = carry(socket, &tunnel, &shared.platform, patience, until).await;
    tracing::debug!(?ending, ?tunnel, "websocket");
    websockets.carried.send_modify(|carried| *carried -= 1);
}

async fn needed(shared: &Shared, tunnel: &Tunnel, seat: Option<Seat>) -> Ending {
    let platform = &shared.platform;
    let mut holders = tunnel.holders();
    let limit = shared.limits.handshake_timeout;
    tokio::select! {
        biased;
        held = platform.timeout(limit, holders.wait_for(|holders| *holders > 0)) => {
            if held.is_none() {
                return Ending::NoSession;
            }
        }
        () = until_taken_away(seat.as_ref()) => return Ending::Crowded,
    }
    drop(seat);
    loop {
        let _ = holders.wait_for(|holders| *holders == 0).await;
        let again = holders.wait_for(|holders| *holders > 0);
        if platform.timeout(GRACE, again).await.is_none() {
            return Ending::Unused;
        }
    }
}

async fn until_taken_away(seat: Option<&Seat>) {
    match seat {
        Some(seat) => seat.taken_away().await,
        None => std::future::pending().await,
    }
}

/// After the last session, for what its end takes. spec: REACH-10
const GRACE: Duration = Duration::from_secs(2);
