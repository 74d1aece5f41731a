//! Keys for others, made of a completed handshake. spec: STC-28; source: RFC 8446 section 7.5.

use crate::context::StcContext;
use crate::kdf::{HASH_LEN, expand_into, sha512};
use crate::secret::Secret;
use std::sync::Arc;

/// Gives both sides of a session equal secrets that nobody else has.
///
/// Cloning is cheap and shares the secret.
#[derive(Debug, Clone)]
pub struct Exporter(Arc<Secret<HASH_LEN>>);

impl Exporter {
    pub(super) fn new(master: Secret<HASH_LEN>) -> Self {
        Self(Arc::new(master))
    }

    /// Fills `out`, of at most 64 bytes, with the secret of `label` and `context`.
    ///
    /// Another length gives an unrelated secret, not a prefix.
    ///
    /// # Errors
    ///
    /// [`ExportError::TooLong`] when `out` has more than 64 bytes.
    pub fn export(&self, label: &[u8], context: &[u8], out: &mut [u8]) -> Result<(), ExportError> {
        if out.len() > HASH_LEN {
            return Err(ExportError::TooLong { actual: out.len() });
        }
        self.fill(label, context, out);
        Ok(())
    }

    /// The name of the session, equal on both sides.
    pub fn session_id(&self) -> [u8; 8] {
        let mut id = [0; 8];
        self.fill(b"session id", b"", &mut id);
        id
    }

    /// The context `label` of this session: forward secret, known to both sides only.
    pub fn context(&self, label: &str) -> StcContext {
        let mut root = Secret::zeroed();
        self.fill(b"context", b"", root.as_mut_bytes());
        StcContext::from_root(&root, label)
    }

    fn fill(&self, label: &[u8], context: &[u8], out: &mut [u8]) {
        let len = (label.len() as u32).to_be_bytes();
        let hash = sha512(&[&len, label, context]);
        expand_into(self.0.as_bytes(), "exporter", &hash, out);
    }
}

/// Why nothing was exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// More bytes than one derivation gives.
    #[error("{actual} bytes asked for, more than {HASH_LEN}")]
    TooLong {
        /// Bytes asked for.
        actual: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exporter() -> Exporter {
        Exporter::new(Secret::new([7; HASH_LEN]))
    }

    fn export<const N: usize>(label: &[u8], context: &[u8]) -> [u8; N] {
        let mut out = [0; N];
        exporter().export(label, context, &mut out).unwrap();
        out
    }

    #[test]
    fn label_and_context_do_not_run_into_each_other() {
        assert_ne!(export::<32>(b"ab", b"c"), export::<32>(b"a", b"bc"));
        assert_ne!(export::<32>(b"a", b""), export::<32>(b"", b"a"));
    }

    #[test]
    fn another_length_is_another_secret() {
        assert_ne!(export::<32>(b"a", b""), export::<64>(b"a", b"")[..32]);
    }

    #[test]
    fn more_than_one_block_is_refused() {
        let mut out = [0; 65];
        let result = exporter().export(b"a", b"", &mut out);
        assert_eq!(result, Err(ExportError::TooLong { actual: 65 }));
        assert_eq!(out, [0; 65]);
    }

    #[test]
    fn context_of_a_session_can_be_made_of_an_export() {
        let root = Secret::new(export::<64>(b"context", b""));
        let context = StcContext::from_session(&root, "x");
        assert_eq!(context, exporter().context("x"));
    }

    #[test]
    fn session_id_is_an_export_of_its_own_label() {
        assert_eq!(exporter().session_id(), export::<8>(b"session id", b""));
    }
}
