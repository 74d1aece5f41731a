//! Copies that are there are proved and renewed; who does not answer is waited for, and who lost its copy is let go.
//!
//! *spec:* COPY-9, COPY-12.

use std::time::Duration;

use futures_util::future::join_all;
use stc::{Entropy, NodeId};

use super::driver::Driver;
use super::status::CopyState;
use crate::session::Session;
use crate::swarm::Provider;
use crate::swarm::exchange::keep::{NotKept, keep, prove};

/// How a keeper that was asked for a proof answered.
enum Checked {
    Kept(Duration),
    /// The copy is gone, and whether a false proof was given.
    Lost {
        is_liar: bool,
    },
    Away,
}

impl Driver {
    /// Asks each keeper whose time has come for a proof, and renews.
    pub(super) async fn check_due(&mut self) {
        let now = self.platform.now();
        let due = self.copies.iter().filter(|(_, copy)| copy.due <= now);
        let due: Vec<_> = due.map(|(id, copy)| (*id, copy.keeper.clone())).collect();
        let checks = due.iter().map(|(keeper, way)| self.check(*keeper, way));
        let checked = join_all(checks).await;
        for ((keeper, _), checked) in due.into_iter().zip(checked) {
            self.note_check(keeper, &checked);
        }
    }

    async fn check(&self, keeper: NodeId, way: &Provider) -> Checked {
        let checking = async {
            let Some(session) = self.reach_again(keeper, way).await else {
                return Checked::Away;
            };
            match self.proves(&session).await {
                Ok(true) => {}
                Ok(false) => return Checked::Lost { is_liar: true },
                Err(NotKept::Absent | NotKept::Declined(_)) => {
                    return Checked::Lost { is_liar: false };
                }
                Err(_) => return Checked::Away,
            }
            match keep(&session, &self.object, self.options.lease, |_| {}).await {
                Ok(lease) if !lease.is_zero() => Checked::Kept(lease),
                Ok(_) | Err(NotKept::Declined(_) | NotKept::Absent) => {
                    Checked::Lost { is_liar: false }
                }
                Err(_) => Checked::Away,
            }
        };
        let checked = self.platform.timeout(CHECK_WITHIN, checking).await;
        checked.unwrap_or(Checked::Away)
    }

    /// The keeper, where it was or where it is now.
    async fn reach_again(&self, keeper: NodeId, way: &Provider) -> Option<Session> {
        if let Some(session) = way.reach(&self.node).await
            && session.peer() == keeper
            && !session.is_closed()
        {
            return Some(session);
        }
        self.node.dht()?.connect(keeper).await.ok()
    }

    /// Whether a block by chance is there; true where this node has no copy of its own to compare with.
    async fn proves(&self, session: &Session) -> Result<bool, NotKept> {
        let mut salt = [0; 32];
        let mut number = [0; 8];
        let mut entropy = self.platform.entropy();
        entropy.fill(&mut salt);
        entropy.fill(&mut number);
        let blocks = self.object.length.div_ceil(1 << 20).max(1);
        let block = u64::from_be_bytes(number) % blocks;
        let proof = prove(session, &self.object, block, salt).await?;
        let address = self.object.address;
        let own = move |store: &stt_store::BinaryStorage| {
            let own = store.open_blocks(address)?;
            Ok::<_, stt_store::ReadError>(own.prove(block, &salt)?)
        };
        let own = self.content.storage.calls().run(own).await;
        Ok(own.ok().flatten().is_none_or(|own| own == proof))
    }

    fn note_check(&mut self, keeper: NodeId, checked: &Checked) {
        let now = self.platform.now();
        let pause = self.pause(self.options.lease);
        let Some(copy) = self.copies.get_mut(&keeper) else {
            return;
        };
        match *checked {
            Checked::Kept(lease) => {
                let way = copy.keeper.clone();
                self.note_kept(keeper, way, lease);
            }
            Checked::Away => {
                let since = *copy.away.get_or_insert(now);
                let away = now.saturating_duration_since(since);
                if away >= self.options.patience || copy.until <= now {
                    return self.lose(keeper);
                }
                copy.due = now + pause.min(AWAY_RETRY);
                let since = away;
                self.show_copy(keeper, CopyState::Away { since });
            }
            Checked::Lost { is_liar } => {
                if is_liar {
                    tracing::warn!(%keeper, "a false proof of a copy");
                    self.liars.insert(keeper);
                }
                self.refused.insert(keeper, now);
                self.lose(keeper);
            }
        }
    }

    /// Has all keepers forget their copies.
    pub(super) async fn release_all(&self) {
        let telling = self.copies.iter().map(|(keeper, copy)| async {
            let session = self.reach_again(*keeper, &copy.keeper).await?;
            keep(&session, &self.object, Duration::ZERO, |_| {})
                .await
                .ok()
        });
        let telling = join_all(telling);
        self.platform.timeout(CHECK_WITHIN, telling).await;
    }
}

/// A keeper has so long to prove, and to renew.
const CHECK_WITHIN: Duration = Duration::from_secs(60);

/// A keeper that is away is looked for this often, at the latest.
const AWAY_RETRY: Duration = Duration::from_secs(600);
