//! RESPONSE: the responder's shares, and the proof that it holds the seed.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 1 | chosen suite |
//! | 1 | 32 | random |
//! | 33 | 32 | CPace share |
//! | 65 | 1088 | ML-KEM-768 ciphertext |
//! | 1153 | 32 | confirmation, over everything before it |

use super::frame::{Frame, MessageType, Reader, message_body};
use crate::cpace::Share;
use crate::handshake::error::{HandshakeError, Malformation};
use crate::kem::CIPHERTEXT_LEN;
use crate::suite::Suite;

/// Bytes of the confirmation at the end.
const CONFIRM_LEN: usize = 32;

/// The fields of a RESPONSE but the confirmation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Response<'a> {
    pub(crate) suite: Suite,
    pub(crate) random: &'a [u8; 32],
    pub(crate) share: &'a Share,
    pub(crate) ciphertext: &'a [u8; CIPHERTEXT_LEN],
}

impl<'a> Response<'a> {
    /// The message without its confirmation, which is computed over it.
    pub(in crate::handshake) fn encode_unconfirmed(&self) -> Frame {
        let mut frame = Frame::with_len(MessageType::Response, BODY_LEN);
        frame.push(&[self.suite.code()]);
        frame.push(self.random);
        frame.push(self.share);
        frame.push(self.ciphertext);
        frame
    }

    /// The fields, and the confirmation.
    pub(crate) fn decode(
        message: &'a [u8],
    ) -> Result<(Self, &'a [u8; CONFIRM_LEN]), HandshakeError> {
        let mut reader = Reader::new(message_body(message, MessageType::Response)?);
        let suite = Suite::from_code(reader.byte()?);
        let response = Self {
            suite: suite.ok_or(Malformation::SuiteNotOffered)?,
            random: reader.array()?,
            share: reader.array()?,
            ciphertext: reader.array()?,
        };
        let confirm = reader.array()?;
        reader.finish()?;
        Ok((response, confirm))
    }

    /// The part of a decoded message that its confirmation covers.
    pub(in crate::handshake) fn unconfirmed(message: &[u8]) -> &[u8] {
        &message[..message.len().saturating_sub(CONFIRM_LEN)]
    }
}

const BODY_LEN: usize = 1 + 32 + 32 + CIPHERTEXT_LEN + CONFIRM_LEN;
