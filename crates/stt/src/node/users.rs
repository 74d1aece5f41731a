//! Primitives that use every session of a node: each is shown those that exist, and each new one
//! before the application sees it.

use std::{collections::BTreeMap, fmt, sync::Arc};

use parking_lot::Mutex;

use crate::session::Session;

/// What a session can be used for by one primitive at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Use {
    /// Its frames.
    Frames,
    /// The endpoints its peer may route to.
    Endpoints,
    /// Its events.
    Events,
}

type User = dyn Fn(&Session) + Send + Sync;

/// Who uses the sessions. A session may be shown to a user twice.
#[derive(Default)]
pub(super) struct SessionUsers(Mutex<BTreeMap<Use, Arc<User>>>);

impl SessionUsers {
    /// Adds a user of future sessions; false if there is one for this use.
    pub(super) fn add(&self, what: Use, user: Box<User>) -> bool {
        let mut users = self.0.lock();
        let is_free = !users.contains_key(&what);
        if is_free {
            users.insert(what, user.into());
        }
        is_free
    }

    /// Shows sessions to one user.
    pub(super) fn introduce(&self, what: Use, sessions: &[Session]) {
        let user = self.0.lock().get(&what).cloned();
        if let Some(user) = user {
            for session in sessions {
                user(session);
            }
        }
    }

    /// Shows a session to all users.
    pub(super) fn meet(&self, session: &Session) {
        let users: Vec<_> = self.0.lock().values().cloned().collect();
        for user in users {
            user(session);
        }
    }
}

impl fmt::Debug for SessionUsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.lock().keys()).finish()
    }
}
