//! FINAL: the responder has accepted. A confirmation of 32 bytes, nothing else.

use super::frame::{Frame, MessageType, Reader, message_body};
use crate::handshake::error::HandshakeError;

/// The field of a FINAL.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FinalMessage<'a> {
    pub(crate) confirm: &'a [u8; 32],
}

impl<'a> FinalMessage<'a> {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut frame = Frame::new(MessageType::Final, self.confirm.len());
        frame.push(self.confirm);
        frame.finish()
    }

    pub(crate) fn decode(message: &'a [u8]) -> Result<Self, HandshakeError> {
        let mut reader = Reader::new(message_body(message, MessageType::Final)?);
        let confirm = reader.array()?;
        reader.finish()?;
        Ok(Self { confirm })
    }
}
