//! Why a handshake ended, and what the peer is told of it. spec: STC-27.

use crate::identity::NodeId;

/// Why a handshake ended. Every error is final: the state it happened in is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// Cryptography refused the peer: most often it has another seed. The reason is for the local
    /// log; on the wire all reasons look alike.
    #[error("handshake refused: {0}")]
    Refused(Refusal),
    /// The peer proved an identity that is not the expected one.
    #[error("peer is {actual}, not {expected}")]
    WrongPeer {
        /// Whom the caller wanted.
        expected: NodeId,
        /// Who answered.
        actual: NodeId,
    },
    /// The peer is this very node.
    #[error("a node does not talk to itself")]
    SelfDial,
    /// The peer sent bytes that no correct peer sends.
    #[error("malformed handshake message: {0}")]
    Malformed(#[from] Malformation),
    /// The peer sent a message of the wrong type.
    #[error("unexpected handshake message of type {actual}")]
    Unexpected {
        /// Its type byte.
        actual: u8,
    },
    /// The peer speaks a version of the handshake this side does not.
    #[error("handshake version {version} is unknown")]
    UnknownVersion {
        /// The version it named.
        version: u8,
    },
    /// No suite is on both lists, or the local list is empty.
    #[error("no cipher suite in common")]
    NoCommonSuite,
    /// The caller's parameters are longer than [`super::MAX_PARAMETERS_LEN`].
    #[error(
        "{actual} bytes of local parameters, more than {}",
        super::MAX_PARAMETERS_LEN
    )]
    ParametersTooLong {
        /// Bytes given.
        actual: usize,
    },
    /// The local cryptographic library failed.
    #[error("the cryptographic library failed")]
    Internal,
}

impl HandshakeError {
    /// What the peer is told when the connection closes: a TLS alert number, as QUIC carries it.
    pub fn code(&self) -> u8 {
        match self {
            Self::Unexpected { .. } => 10,
            Self::NoCommonSuite => 40,
            Self::WrongPeer { .. } | Self::SelfDial => 42,
            Self::Malformed(_) => 50,
            Self::UnknownVersion { .. } => 70,
            Self::ParametersTooLong { .. } | Self::Internal => 80,
            Self::Refused(_) => 115,
        }
    }
}

/// What cryptography did not accept. For the local log only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The confirmation does not fit: the peer holds another seed, or messages were changed.
    #[error("the peer does not confirm our seed")]
    Confirmation,
    /// The peer's share is no valid point, or is one that would make the key public.
    #[error("invalid key share")]
    Share,
    /// The peer's encapsulation key is not valid.
    #[error("invalid encapsulation key")]
    EncapsulationKey,
    /// The MAC over a proof does not verify: the peer does not hold the handshake keys.
    #[error("the proof does not authenticate")]
    ProofMac,
    /// The signature in a proof does not verify: the peer does not hold the identity it names.
    #[error("the identity is not proved")]
    ProofSignature,
    /// The last confirmation does not verify.
    #[error("the final confirmation does not authenticate")]
    Final,
}

/// How a message breaks its layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformation {
    /// A body of more than [`super::MAX_MESSAGE_LEN`] bytes.
    #[error("message too long")]
    TooLong,
    /// A field reaches beyond the end.
    #[error("message too short")]
    Truncated,
    /// Bytes are left after the last field.
    #[error("bytes after the last field")]
    TrailingBytes,
    /// Parameters of more than [`super::MAX_PARAMETERS_LEN`] bytes.
    #[error("parameters too long")]
    ParametersTooLong,
    /// An empty list of suites.
    #[error("no suite offered")]
    NoSuites,
    /// The responder chose a suite that was not offered.
    #[error("chosen suite was not offered")]
    SuiteNotOffered,
}
