//! `RESPONSE_PROOF` and `AUTH_PROOF`: who the two sides are.
//!
//! | bytes | field | |
//! |---|---|---|
//! | 2 + p | parameters of the responder, opaque | `RESPONSE_PROOF` only |
//! | 32 | node id | both |
//! | 64 | signature | both |
//! | 32 | MAC | both |
//!
//! What signature and MAC cover is in [`crate::handshake::proof`].

use super::frame::{MessageType, Reader, message_body};
use super::hello;
use crate::handshake::error::HandshakeError;
use crate::identity::{NodeId, SIGNATURE_LEN};

/// The fields of a `RESPONSE_PROOF`.
#[derive(Debug)]
pub(crate) struct ResponseProof<'a> {
    pub(crate) parameters: &'a [u8],
    pub(crate) proof: ProofFields<'a>,
}

impl<'a> ResponseProof<'a> {
    pub(crate) fn decode(message: &'a [u8]) -> Result<Self, HandshakeError> {
        let body = message_body(message, MessageType::ResponseProof)?;
        let mut reader = Reader::new(body);
        let parameters = hello::parameters(&mut reader)?;
        Ok(Self {
            parameters,
            proof: ProofFields::decode(body, reader)?,
        })
    }
}

/// The fields of an `AUTH_PROOF`.
#[derive(Debug)]
pub(crate) struct AuthProof<'a> {
    pub(crate) proof: ProofFields<'a>,
}

impl<'a> AuthProof<'a> {
    pub(crate) fn decode(message: &'a [u8]) -> Result<Self, HandshakeError> {
        let body = message_body(message, MessageType::AuthProof)?;
        Ok(Self {
            proof: ProofFields::decode(body, Reader::new(body))?,
        })
    }
}

/// What both proofs end with.
#[derive(Debug)]
pub(crate) struct ProofFields<'a> {
    pub(crate) node: NodeId,
    pub(crate) signature: &'a [u8; SIGNATURE_LEN],
    pub(crate) mac: &'a [u8; MAC_LEN],
    /// The body up to and including the node id, which the signature covers.
    pub(crate) signed: &'a [u8],
    /// The body up to and including the signature, which the MAC covers.
    pub(crate) authenticated: &'a [u8],
}

impl<'a> ProofFields<'a> {
    /// Reads the rest of `body`.
    fn decode(body: &'a [u8], mut reader: Reader<'a>) -> Result<Self, HandshakeError> {
        let node = NodeId::from_bytes(*reader.array()?);
        let signature = reader.array()?;
        let mac = reader.array()?;
        reader.finish()?;
        let authenticated = &body[..body.len() - MAC_LEN];
        let signed = &authenticated[..authenticated.len() - SIGNATURE_LEN];
        Ok(Self {
            node,
            signature,
            mac,
            signed,
            authenticated,
        })
    }
}

const MAC_LEN: usize = 32;
