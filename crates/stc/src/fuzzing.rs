//! Doors for fuzzers: every decoder of bytes from outside that is not public by itself.
//!
//! Each takes any bytes and must return. Also worth fuzzing are the public
//! [`Group::parse`](crate::Group::parse), `NodeId::from_str`, and
//! [`StcContext::open`](crate::StcContext::open). Not part of the API.

use crate::handshake::HandshakeError;
use crate::handshake::message::{AuthProof, FinalMessage, Hello, Response, ResponseProof};

/// Decodes a HELLO.
pub fn hello(message: &[u8]) -> Result<(), HandshakeError> {
    Hello::decode(message).map(drop)
}

/// Decodes a RESPONSE.
pub fn response(message: &[u8]) -> Result<(), HandshakeError> {
    Response::decode(message).map(drop)
}

/// Decodes a `RESPONSE_PROOF`.
pub fn response_proof(message: &[u8]) -> Result<(), HandshakeError> {
    ResponseProof::decode(message).map(drop)
}

/// Decodes an `AUTH_PROOF`.
pub fn auth_proof(message: &[u8]) -> Result<(), HandshakeError> {
    AuthProof::decode(message).map(drop)
}

/// Decodes a FINAL.
pub fn final_message(message: &[u8]) -> Result<(), HandshakeError> {
    FinalMessage::decode(message).map(drop)
}
