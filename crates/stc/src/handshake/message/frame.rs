//! The framing of messages, and the reader and writer of their fields.

use crate::handshake::error::{HandshakeError, Malformation};

/// Bytes a message body may have.
pub const MAX_MESSAGE_LEN: usize = 4_096;

/// The length in bytes of the message that begins with `prefix`, its header included.
///
/// `None` while fewer than 4 bytes are there. The caller gathers that many bytes and hands them
/// over as one message.
///
/// # Errors
///
/// [`HandshakeError::Malformed`] when the body would exceed [`MAX_MESSAGE_LEN`]: gather no more.
pub fn message_len(prefix: &[u8]) -> Result<Option<usize>, HandshakeError> {
    let Some([_, high, middle, low]) = prefix.first_chunk::<HEADER_LEN>() else {
        return Ok(None);
    };
    let body = u32::from_be_bytes([0, *high, *middle, *low]) as usize;
    if body > MAX_MESSAGE_LEN {
        return Err(Malformation::TooLong.into());
    }
    Ok(Some(HEADER_LEN + body))
}

/// The type byte of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum MessageType {
    Hello = 1,
    Response = 2,
    ResponseProof = 3,
    AuthProof = 4,
    Final = 5,
}

/// The body of `message`, which must be exactly one message of type `expected`.
pub(crate) fn message_body(message: &[u8], expected: MessageType) -> Result<&[u8], HandshakeError> {
    let len = message_len(message)?.ok_or(Malformation::Truncated)?;
    let (header, body) = message
        .split_at_checked(HEADER_LEN)
        .ok_or(Malformation::Truncated)?;
    if header[0] != expected as u8 {
        return Err(HandshakeError::Unexpected { actual: header[0] });
    }
    match message.len().cmp(&len) {
        std::cmp::Ordering::Less => Err(Malformation::Truncated.into()),
        std::cmp::Ordering::Equal => Ok(body),
        std::cmp::Ordering::Greater => Err(Malformation::TrailingBytes.into()),
    }
}

/// A message being written.
#[derive(Debug)]
pub(in crate::handshake) struct Frame(Vec<u8>);

impl Frame {
    /// A message whose body will have about `capacity` bytes.
    pub(in crate::handshake) fn new(kind: MessageType, capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(HEADER_LEN + capacity);
        bytes.extend_from_slice(&[kind as u8, 0, 0, 0]);
        Self(bytes)
    }

    /// A message whose body will have exactly `len` bytes, so that what is written so far can
    /// enter the transcript before the rest exists.
    pub(in crate::handshake) fn with_len(kind: MessageType, len: usize) -> Self {
        let mut frame = Self::new(kind, len);
        frame.set_len(len);
        frame
    }

    pub(in crate::handshake) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Adds a field preceded by its length in 16 bits.
    pub(in crate::handshake) fn push_prefixed(&mut self, bytes: &[u8]) {
        self.push(&(bytes.len() as u16).to_be_bytes());
        self.push(bytes);
    }

    /// The body written so far.
    pub(in crate::handshake) fn body(&self) -> &[u8] {
        &self.0[HEADER_LEN..]
    }

    /// Header and body written so far.
    pub(in crate::handshake) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The message, its length filled in.
    pub(in crate::handshake) fn finish(mut self) -> Vec<u8> {
        self.set_len(self.body().len());
        self.0
    }

    fn set_len(&mut self, len: usize) {
        debug_assert!(len <= MAX_MESSAGE_LEN);
        self.0[1..HEADER_LEN].copy_from_slice(&(len as u32).to_be_bytes()[1..]);
    }
}

/// Takes fields from the front of a body.
#[derive(Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self(body)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], HandshakeError> {
        let (field, rest) = self.0.split_first_chunk().ok_or(Malformation::Truncated)?;
        self.0 = rest;
        Ok(field)
    }

    pub(super) fn byte(&mut self) -> Result<u8, HandshakeError> {
        self.array().map(|[byte]| *byte)
    }

    pub(super) fn slice(&mut self, len: usize) -> Result<&'a [u8], HandshakeError> {
        let (field, rest) = self
            .0
            .split_at_checked(len)
            .ok_or(Malformation::Truncated)?;
        self.0 = rest;
        Ok(field)
    }

    /// A field preceded by its length in 16 bits.
    pub(super) fn prefixed(&mut self) -> Result<&'a [u8], HandshakeError> {
        let len = u16::from_be_bytes(*self.array()?);
        self.slice(usize::from(len))
    }

    /// Refuses bytes after the last field.
    pub(super) fn finish(self) -> Result<(), HandshakeError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Malformation::TrailingBytes.into())
        }
    }
}

const HEADER_LEN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_known_from_four_bytes_on() {
        assert_eq!(message_len(&[]), Ok(None));
        assert_eq!(message_len(&[1, 0, 0]), Ok(None));
        assert_eq!(message_len(&[1, 0, 0, 0]), Ok(Some(4)));
        assert_eq!(message_len(&[1, 0, 0x10, 0, 9]), Ok(Some(4_100)));
    }

    #[test]
    fn body_beyond_the_limit_is_refused_before_it_arrives() {
        assert_eq!(
            message_len(&[1, 0, 0x10, 1]),
            Err(Malformation::TooLong.into())
        );
        assert_eq!(
            message_len(&[1, 0xff, 0xff, 0xff]),
            Err(Malformation::TooLong.into())
        );
    }

    #[test]
    fn body_is_taken_from_exactly_one_message() {
        let body = |bytes| message_body(bytes, MessageType::Hello);
        assert_eq!(body(&[1, 0, 0, 2, 8, 9]), Ok(&[8, 9][..]));
        assert_eq!(body(&[1, 0, 0, 2, 8]), Err(Malformation::Truncated.into()));
        assert_eq!(
            body(&[1, 0, 0, 2, 8, 9, 9]),
            Err(Malformation::TrailingBytes.into())
        );
        assert_eq!(
            body(&[2, 0, 0, 0]),
            Err(HandshakeError::Unexpected { actual: 2 })
        );
        assert_eq!(body(&[1]), Err(Malformation::Truncated.into()));
    }
}
