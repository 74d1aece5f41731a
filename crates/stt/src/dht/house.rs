//! What a member does without being asked: it lets go what nobody needs, keeps what the next run
//! needs, and takes leave in order.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use stc::NodeId;
use stt_wire::{Contact, KeptMembers};

use super::error::KeptError;
use super::kept;
use super::keys::EpochKeys;
use super::options::DhtOptions;
use super::service::{Service, State};
use crate::session::closing;

/// What came of the file of the last run.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) restored: Vec<Contact>,
    pub(super) refused: Option<Arc<KeptError>>,
}

impl Kept {
    pub(super) fn restore(options: &DhtOptions, keys: &EpochKeys, me: &NodeId) -> Self {
        let Some(directory) = &options.data_dir else {
            return Self::default();
        };
        match kept::read(directory, keys, me) {
            Ok(members) => Self {
                restored: members.contacts().to_vec(),
                refused: None,
            },
            Err(error) => {
                tracing::warn!(%error, "members of the last run");
                Self {
                    restored: Vec::new(),
                    refused: Some(Arc::new(error)),
                }
            }
        }
    }
}

impl Service {
    /// Every few seconds: lets sessions go that nobody needs, and keeps what should be kept.
    pub(super) async fn keep_house(self: &Arc<Self>) {
        let mut looks = 0_u32;
        loop {
            tokio::select! {
                biased;
                () = self.over.raised() => return,
                () = self.platform.sleep(LOOK_EVERY) => {}
            }
            looks = looks.wrapping_add(1);
            self.let_sessions_go();
            self.say_where_we_are();
            if looks.is_multiple_of(LOOKS_A_SAVE) {
                self.save_in_background();
            }
        }
    }

    fn let_sessions_go(self: &Arc<Self>) {
        let most = self.options.pool.sessions;
        let now = self.platform.now();
        let to_go = {
            let State {
                engine, sessions, ..
            } = &*self.state.lock();
            sessions.superfluous(now, &self.me, most, |node| engine.wants_session(node))
        };
        for session in to_go {
            closing::begin(session.core());
        }
    }

    /// The bytes of the file for the next run, and where it goes; none if nothing is kept.
    fn to_save(&self) -> Option<(PathBuf, Vec<u8>)> {
        let directory = self.options.data_dir.clone()?;
        let state = self.state.lock();
        let members = KeptMembers::new(state.engine.members().copied());
        // Who knows nobody keeps those it knew before.
        if members.contacts().is_empty() {
            return None;
        }
        let entropy = &mut self.platform.entropy();
        let sealed = kept::seal(&members, &state.keys, &self.me, entropy);
        Some((directory, sealed))
    }

    /// Keeps the members that are known. Blocks until they are on the disk.
    pub(super) fn save(&self) {
        if let Some((directory, sealed)) = self.to_save() {
            write(&directory, &sealed);
        }
    }

    fn save_in_background(&self) {
        if let Some((directory, sealed)) = self.to_save() {
            // A thread of its own, some milliseconds every ten minutes.
            let named = std::thread::Builder::new().name("stt members".into());
            let _ = named.spawn(move || write(&directory, &sealed));
        }
    }

    /// Hands over what is held for others, tells members of it, and stops. What is not done after
    /// `limit` is left.
    pub(crate) async fn leave(self: &Arc<Self>, limit: Duration) {
        self.stop_serving();
        let is_first = !std::mem::replace(&mut self.state.lock().has_left, true);
        if is_first {
            self.save();
            self.with(|state, now, _| state.engine.leave(now));
        }
        let done = async {
            loop {
                let mut quiet = std::pin::pin!(self.quiet.notified());
                quiet.as_mut().enable();
                if self.under_way.load(SeqCst) == 0 {
                    return;
                }
                quiet.await;
            }
        };
        self.platform.timeout(limit, done).await;
        self.over.raise();
        self.state.lock().queries.end();
    }
}

fn write(directory: &Path, sealed: &[u8]) {
    if let Err(error) = kept::write(directory, sealed) {
        tracing::warn!(%error, "members are not kept for the next run");
    }
}

/// At sessions and addresses.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// Ten minutes.
const LOOKS_A_SAVE: u32 = 40;
