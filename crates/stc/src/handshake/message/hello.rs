//! HELLO: what the initiator opens with.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 1 | version, 1 |
//! | 1 | 32 | random, also the session id of CPace |
//! | 33 | 1 + n | count of suites, suites, best first |
//! | 34 + n | 32 | CPace share |
//! | 66 + n | 1184 | ML-KEM-768 encapsulation key |
//! | 1250 + n | 2 + p | parameters of the initiator, opaque |
//! | 1252 + n + p | 2 + e | extensions: empty; a receiver ignores them |

use super::frame::{Frame, MessageType, Reader, message_body};
use crate::cpace::Share;
use crate::handshake::error::{HandshakeError, Malformation};
use crate::kem::ENCAPSULATION_KEY_LEN;
use crate::suite::Suite;

/// Bytes the parameters of one side may have.
pub const MAX_PARAMETERS_LEN: usize = 1_024;

/// The fields of a HELLO.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Hello<'a> {
    pub(crate) random: &'a [u8; 32],
    /// Codes of suites, of which a receiver may not know all.
    pub(crate) suites: &'a [u8],
    pub(crate) share: &'a Share,
    pub(crate) encapsulation_key: &'a [u8; ENCAPSULATION_KEY_LEN],
    pub(crate) parameters: &'a [u8],
}

impl<'a> Hello<'a> {
    /// The message. Suites and parameters are within their limits.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let len = FIXED_LEN + self.suites.len() + self.parameters.len();
        let mut frame = Frame::new(MessageType::Hello, len);
        frame.push(&[VERSION]);
        frame.push(self.random);
        frame.push(&[self.suites.len() as u8]);
        frame.push(self.suites);
        frame.push(self.share);
        frame.push(self.encapsulation_key);
        frame.push_prefixed(self.parameters);
        frame.push_prefixed(b"");
        frame.finish()
    }

    pub(crate) fn decode(message: &'a [u8]) -> Result<Self, HandshakeError> {
        let mut reader = Reader::new(message_body(message, MessageType::Hello)?);
        let version = reader.byte()?;
        if version != VERSION {
            return Err(HandshakeError::UnknownVersion { version });
        }
        let random = reader.array()?;
        let suite_count = reader.byte()?;
        let hello = Self {
            random,
            suites: reader.slice(usize::from(suite_count))?,
            share: reader.array()?,
            encapsulation_key: reader.array()?,
            parameters: parameters(&mut reader)?,
        };
        let _extensions = reader.prefixed()?;
        reader.finish()?;
        if hello.suites.is_empty() {
            return Err(Malformation::NoSuites.into());
        }
        Ok(hello)
    }

    /// The first of `preferred` that is offered.
    pub(crate) fn choose_suite(&self, preferred: &[Suite]) -> Result<Suite, HandshakeError> {
        preferred
            .iter()
            .copied()
            .find(|suite| self.suites.contains(&suite.code()))
            .ok_or(HandshakeError::NoCommonSuite)
    }
}

/// A parameters field within its limit.
pub(super) fn parameters<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], HandshakeError> {
    let parameters = reader.prefixed()?;
    if parameters.len() > MAX_PARAMETERS_LEN {
        return Err(Malformation::ParametersTooLong.into());
    }
    Ok(parameters)
}

const VERSION: u8 = 1;
/// Everything but suites and parameters.
const FIXED_LEN: usize = 1 + 32 + 1 + 32 + ENCAPSULATION_KEY_LEN + 2 + 2;
