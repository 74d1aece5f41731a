//! Connection ids: the ones we hand out, and the first one of a dialled connection.
//!
//! Ours are random and `validate` refuses every id the engine asks about: it asks only when a
//! packet matches no connection, and a yes would make it answer with a stateless reset (RFC 9000
//! section 10.3). A dead port doesn't answer, and neither do we.

use noq_proto::{ConnectionId, ConnectionIdGenerator, InvalidCid};
use stc::{Entropy, SeedKeys};

use super::platform::PlatformEntropy;

/// Makes 8-byte ids. A session takes a dozen of them at once, so random bytes are drawn for many.
pub(crate) struct RandomConnectionIds {
    entropy: PlatformEntropy,
    drawn: [u8; CONNECTION_ID_LEN * DRAWN],
    taken: usize,
}

impl RandomConnectionIds {
    pub(crate) fn new(entropy: PlatformEntropy) -> Self {
        Self {
            entropy,
            drawn: [0; CONNECTION_ID_LEN * DRAWN],
            taken: DRAWN,
        }
    }
}

impl ConnectionIdGenerator for RandomConnectionIds {
    fn generate_cid(&mut self) -> ConnectionId {
        if self.taken == DRAWN {
            self.entropy.fill(&mut self.drawn);
            self.taken = 0;
        }
        let start = self.taken * CONNECTION_ID_LEN;
        self.taken += 1;
        ConnectionId::new(&self.drawn[start..start + CONNECTION_ID_LEN])
    }

    fn validate(&self, _: ConnectionId) -> Result<(), InvalidCid> {
        Err(InvalidCid)
    }

    fn cid_len(&self) -> usize {
        CONNECTION_ID_LEN
    }

    fn cid_lifetime(&self) -> Option<std::time::Duration> {
        None
    }
}

/// The first destination id of a dialled connection: the gate tag, or at an open door random bytes
/// of the same length, so that the two kinds of door look alike.
pub(crate) fn first_connection_id(seed: &SeedKeys, entropy: &mut dyn Entropy) -> ConnectionId {
    let mut nonce = [0; 8];
    entropy.fill(&mut nonce);
    let id = seed.gate_tag(&nonce).unwrap_or_else(|| {
        let mut id = [0; 20];
        entropy.fill(&mut id);
        id
    });
    ConnectionId::new(&id)
}

const CONNECTION_ID_LEN: usize = 8;

/// Ids for which random bytes are drawn at a time.
const DRAWN: usize = 32;
