//! Sessions that hear nothing any more, and ask their node for a tunnel to the peer.

use std::{collections::VecDeque, net::IpAddr};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::transport::websocket::{certificates::Certificates, url::Url};

/// What sessions ask for, until the node takes it. A session asks again later, so what is beyond the
/// bound is dropped.
#[derive(Debug, Default)]
pub(crate) struct Detours {
    wanted: Mutex<VecDeque<Wanted>>,
    changed: Notify,
}

/// One session's wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The session's id.
    pub(crate) session: [u8; 8],
    /// Any of these will do, the first ones rather.
    pub(crate) routes: Vec<Route>,
}

/// Where a tunnel may lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) url: Url,
    pub(crate) certificates: Certificates,
    /// What its host has to be, if that is a name which only the peer told: nothing else is dialled.
    pub(crate) only: Option<Vec<IpAddr>>,
}

impl Route {
    /// Whether the host may be dialled there.
    pub(crate) fn may_lead_to(&self, address: IpAddr) -> bool {
        let only = self.only.as_ref();
        only.is_none_or(|hosts| hosts.contains(&address.to_canonical()))
    }
}

impl Detours {
    pub(crate) fn want(&self, wanted: Wanted) {
        let mut waiting = self.wanted.lock();
        if waiting.len() < MAX_WAITING {
            waiting.push_back(wanted);
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// The next wish. Cancel safe.
    pub(crate) async fn next(&self) -> Wanted {
        loop {
            if let Some(wanted) = self.wanted.lock().pop_front() {
                return wanted;
            }
            self.changed.notified().await;
        }
    }
}

const MAX_WAITING: usize = 1_024;
