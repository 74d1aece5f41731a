//! Proofs of identity in the manner of SIGMA: a signature over the transcript and one's own name,
//! under a MAC that ties the name to the keys. spec: STC-25.
//!
//! ```text
//! signature = Ed25519(domain | 0x00 | SHA-512(th | body up to the node id))
//! mac       = HMAC(own MAC key, th | body up to the signature)[..32]
//! ```
//! th covers everything before the message that holds the proof.

use super::error::{HandshakeError, Refusal};
use super::message::{Frame, ProofFields};
use crate::identity::{Domain, Identity, NodeId};
use crate::kdf::{HASH_LEN, short_mac};
use crate::secret::{Secret, constant_time_eq};

/// Where a proof is made: whose it is, what came before, and the MAC key of its maker.
#[derive(Debug)]
pub(super) struct ProofContext<'a> {
    pub(super) domain: Domain<'static>,
    pub(super) transcript: [u8; HASH_LEN],
    pub(super) mac_key: &'a Secret<HASH_LEN>,
}

impl ProofContext<'_> {
    /// Ends `frame` with the proof of `identity`, over what the frame holds already.
    pub(super) fn seal(&self, identity: &Identity, mut frame: Frame) -> Vec<u8> {
        frame.push(identity.node_id().as_bytes());
        let signature = identity.sign_in(self.domain, &[&self.transcript, frame.body()]);
        frame.push(&signature);
        let mac = self.mac(frame.body());
        frame.push(&mac);
        frame.finish()
    }

    /// Whose proof it is.
    ///
    /// The MAC comes first: it is cheaper, and without it the signature proves nothing here.
    pub(super) fn open(&self, proof: &ProofFields<'_>) -> Result<NodeId, HandshakeError> {
        if !constant_time_eq(&self.mac(proof.authenticated), proof.mac) {
            return Err(HandshakeError::Refused(Refusal::ProofMac));
        }
        proof
            .node
            .verify_in(
                self.domain,
                &[&self.transcript, proof.signed],
                proof.signature,
            )
            .map_err(|_| HandshakeError::Refused(Refusal::ProofSignature))?;
        Ok(proof.node)
    }

    fn mac(&self, body: &[u8]) -> [u8; 32] {
        short_mac(self.mac_key.as_bytes(), &[&self.transcript, body])
    }
}
