//! The key schedule: from the shared secrets to the keys of each level. spec: STC-26.
//!
//! ```text
//! psk ──extract "stc1 early"──> ES
//! ES  ──"derived"──extract (ISK | KEM secret)──> HS ──> "c hs traffic", "s hs traffic"   (th2)
//!                                                │ └──> "s confirm"                      (th2)
//!                                                │      traffic ──"finished"──> MAC keys of proofs
//! HS  ──"derived"──extract (64 zeros)──> MS ─────┴────> "c ap traffic", "s ap traffic",
//!                                                       "exp master"                     (th4)
//! ```
//! th2 covers HELLO and RESPONSE up to the confirmation; th4 everything up to and including
//! `AUTH_PROOF`. The initiator is "c" and the responder "s" in labels, as in TLS 1.3.
//!
//! *Invariant*: the seed enters beside the exchanges, never instead of them, so whoever learns it
//! later can read nothing of the past.

use super::exporter::Exporter;
use crate::kdf::{HASH_LEN, expand, extract, short_mac};
use crate::packet::{Directional, TrafficSecret};
use crate::secret::Secret;

/// What the first two messages yield.
#[derive(Debug)]
pub(super) struct HandshakeSecrets {
    pub(super) traffic: Directional<TrafficSecret>,
    pub(super) finish: FinishSecrets,
    /// Proves to the initiator that the responder holds the seed.
    pub(super) confirm: Secret<32>,
}

/// What is kept until the identities are proved.
#[derive(Debug)]
pub(super) struct FinishSecrets {
    /// Keys of the MACs over the proofs.
    pub(super) mac_keys: Directional<Secret<HASH_LEN>>,
    master: Secret<HASH_LEN>,
}

/// What a completed handshake yields.
#[derive(Debug)]
pub(super) struct SessionSecrets {
    pub(super) traffic: Directional<TrafficSecret>,
    pub(super) exporter: Exporter,
    /// Proves to the initiator that the responder has accepted.
    pub(super) confirm: [u8; 32],
}

impl HandshakeSecrets {
    pub(super) fn derive(
        psk: &Secret<32>,
        cpace: &Secret<HASH_LEN>,
        kem: &Secret<32>,
        th2: &[u8; HASH_LEN],
    ) -> Self {
        let early = extract(b"stc1 early", &[psk.as_bytes()]);
        let secret = extract(
            derived(&early).as_bytes(),
            &[cpace.as_bytes(), kem.as_bytes()],
        );
        let traffic = Directional {
            initiator: TrafficSecret::derive(&secret, "c hs traffic", th2),
            responder: TrafficSecret::derive(&secret, "s hs traffic", th2),
        };
        let mac_keys = Directional {
            initiator: expand(traffic.initiator.as_bytes(), "finished", b""),
            responder: expand(traffic.responder.as_bytes(), "finished", b""),
        };
        let master = extract(derived(&secret).as_bytes(), &[&[0; HASH_LEN]]);
        let confirm = expand(secret.as_bytes(), "s confirm", th2);
        Self {
            traffic,
            finish: FinishSecrets { mac_keys, master },
            confirm,
        }
    }
}

impl FinishSecrets {
    pub(super) fn session(&self, th4: &[u8; HASH_LEN]) -> SessionSecrets {
        let traffic = Directional {
            initiator: TrafficSecret::derive(&self.master, "c ap traffic", th4),
            responder: TrafficSecret::derive(&self.master, "s ap traffic", th4),
        };
        let exporter = Exporter::new(expand(self.master.as_bytes(), "exp master", th4));
        let confirm = short_mac(self.mac_keys.responder.as_bytes(), &[b"final", th4]);
        SessionSecrets {
            traffic,
            exporter,
            confirm,
        }
    }
}

fn derived(secret: &Secret<HASH_LEN>) -> Secret<HASH_LEN> {
    expand(secret.as_bytes(), "derived", b"")
}
