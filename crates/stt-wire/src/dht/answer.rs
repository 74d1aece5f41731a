//! What a member of the DHT answers.
//!
//! | type | frame     | fields                                                           |
//! |------|-----------|------------------------------------------------------------------|
//! | 0x30 | `PONG`    | none                                                             |
//! | 0x31 | `NODES`   | count u8 (0 to 20), contacts                                     |
//! | 0x32 | `RECORDS` | count u8 (0 to 50), records, count u8 (0 to 20), contacts        |
//! | 0x33 | `STORED`  | count u8 (1 to 64), an outcome u8 each                           |
//! | 0x34 | `DIALLED` | `outcome` u8                                                     |
//! | 0x35 | `BUSY`    | `wait` varint, milliseconds                                      |
//!
//! *spec:* DHT-1 to DHT-7, DHT-14.

use bytes::{BufMut, BytesMut};

use super::{Contact, Record};
use crate::fields::Fields;
use crate::lane::stranger;
use crate::limits::{MAX_CONTACTS, MAX_FOUND_RECORDS, MAX_PUT_RECORDS};
use crate::varint::put_varint;
use crate::{DecodeError, FrameType, RawFrame, VarInt, encode_header};

/// What became of a record that was to be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PutOutcome(u8);

impl PutOutcome {
    /// It is held.
    pub const HELD: Self = Self(0x00);
    /// One as new or newer is held already.
    pub const NOT_NEWER: Self = Self(0x01);
    /// No room: for this signer, under this key, or at all.
    pub const FULL: Self = Self(0x02);
    /// It has expired, was issued in the future, or would live too long.
    pub const BAD_TIME: Self = Self(0x03);
    /// The signature does not fit.
    pub const BAD_SIGNATURE: Self = Self(0x04);
    /// Of a kind that is not known, or of one that does not belong under this key.
    pub const REFUSED: Self = Self(0x05);

    const NAMED: [(Self, &'static str); 6] = [
        (Self::HELD, "HELD"),
        (Self::NOT_NEWER, "NOT_NEWER"),
        (Self::FULL, "FULL"),
        (Self::BAD_TIME, "BAD_TIME"),
        (Self::BAD_SIGNATURE, "BAD_SIGNATURE"),
        (Self::REFUSED, "REFUSED"),
    ];

    /// The name in the registry, if it has one.
    pub fn name(self) -> Option<&'static str> {
        let named = Self::NAMED.iter().find(|(outcome, _)| *outcome == self);
        named.map(|(_, name)| *name)
    }

    /// Whether the member holds such a record now.
    pub const fn is_held(self) -> bool {
        matches!(self, Self::HELD | Self::NOT_NEWER)
    }
}

impl From<u8> for PutOutcome {
    fn from(number: u8) -> Self {
        Self(number)
    }
}

impl From<PutOutcome> for u8 {
    fn from(outcome: PutOutcome) -> Self {
        outcome.0
    }
}

/// Whether an address could be dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a member must say what it does with each"
)]
pub enum DialOutcome {
    /// A new session came about there, with the member that asked.
    Reached,
    /// None did.
    NotReached,
    /// It was not tried: not the address the request came from, or too much to do.
    NotTried,
}

impl DialOutcome {
    const fn number(self) -> u8 {
        match self {
            Self::Reached => 0x00,
            Self::NotReached => 0x01,
            Self::NotTried => 0x02,
        }
    }

    const fn from_number(value: u8) -> Result<Self, DecodeError> {
        match value {
            0x00 => Ok(Self::Reached),
            0x01 => Ok(Self::NotReached),
            0x02 => Ok(Self::NotTried),
            value => Err(DecodeError::UnknownValue { value }),
        }
    }
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a member must say what it does with each"
)]
pub enum DhtAnswer {
    /// I am here.
    Pong,
    /// The closest members I know; at most [`MAX_CONTACTS`], further ones are not encoded.
    Nodes(Vec<Contact>),
    /// What I hold, and the closest members I know.
    Records {
        /// At most [`MAX_FOUND_RECORDS`]; further ones are not encoded.
        records: Vec<Record>,
        /// At most [`MAX_CONTACTS`]; further ones are not encoded.
        closer: Vec<Contact>,
    },
    /// What became of each record, in the order of the request.
    Stored(Vec<PutOutcome>),
    /// Whether the address could be dialled.
    Dialled(DialOutcome),
    /// Not now.
    Busy {
        /// Milliseconds until it is worth asking again.
        wait: VarInt,
    },
}

impl DhtAnswer {
    /// The type of the frame.
    pub const fn frame_type(&self) -> FrameType {
        match self {
            Self::Pong => FrameType::PONG,
            Self::Nodes(_) => FrameType::NODES,
            Self::Records { .. } => FrameType::RECORDS,
            Self::Stored(_) => FrameType::STORED,
            Self::Dialled(_) => FrameType::DIALLED,
            Self::Busy { .. } => FrameType::BUSY,
        }
    }

    /// Bytes of the frame's payload.
    pub fn payload_len(&self) -> usize {
        match self {
            Self::Pong => 0,
            Self::Nodes(contacts) => contacts_len(contacts),
            Self::Records { records, closer } => {
                let records = records.iter().take(MAX_FOUND_RECORDS);
                1 + records.map(Record::encoded_len).sum::<usize>() + contacts_len(closer)
            }
            Self::Stored(outcomes) => 1 + outcomes.len().min(MAX_PUT_RECORDS),
            Self::Dialled(_) => 1,
            Self::Busy { wait } => wait.encoded_len(),
        }
    }

    /// Appends the frame.
    pub fn encode(&self, out: &mut BytesMut) {
        encode_header(self.frame_type(), self.payload_len(), out);
        match self {
            Self::Pong => {}
            Self::Nodes(contacts) => put_contacts(contacts, out),
            Self::Records { records, closer } => {
                let count = records.len().min(MAX_FOUND_RECORDS);
                out.put_u8(count as u8);
                for record in &records[..count] {
                    record.encode(out);
                }
                put_contacts(closer, out);
            }
            Self::Stored(outcomes) => {
                let count = outcomes.len().min(MAX_PUT_RECORDS);
                out.put_u8(count as u8);
                out.extend(outcomes[..count].iter().map(|outcome| outcome.0));
            }
            Self::Dialled(outcome) => out.put_u8(outcome.number()),
            Self::Busy { wait } => put_varint(out, *wait),
        }
    }

    /// Reads the only frame against the direction of a request's opener. Take it with a
    /// [`FrameDecoder`](crate::FrameDecoder) of
    /// [`MAX_DHT_FRAME_LEN`](crate::limits::MAX_DHT_FRAME_LEN).
    ///
    /// # Errors
    ///
    /// As for [`DhtRequest::decode`](super::DhtRequest::decode); whether the answer is one to the
    /// question, the asker knows.
    pub fn decode(frame: RawFrame) -> Result<Self, DecodeError> {
        let mut fields = Fields::new(frame.payload);
        let answer = match frame.frame_type {
            FrameType::PONG => Self::Pong,
            FrameType::NODES => Self::Nodes(take_contacts(&mut fields)?),
            FrameType::RECORDS => {
                let count = fields.count(MAX_FOUND_RECORDS)?;
                let records = (0..count).map(|_| Record::decode(&mut fields));
                Self::Records {
                    records: records.collect::<Result<_, _>>()?,
                    closer: take_contacts(&mut fields)?,
                }
            }
            FrameType::STORED => Self::Stored(take_outcomes(&mut fields)?),
            FrameType::DIALLED => Self::Dialled(DialOutcome::from_number(fields.u8()?)?),
            FrameType::BUSY => {
                let wait = fields.varint()?;
                Self::Busy { wait }
            }
            other => return Err(stranger(other)),
        };
        fields.end()?;
        Ok(answer)
    }
}

fn contacts_len(contacts: &[Contact]) -> usize {
    let contacts = contacts.iter().take(MAX_CONTACTS);
    1 + contacts.map(Contact::encoded_len).sum::<usize>()
}

fn put_contacts(contacts: &[Contact], out: &mut BytesMut) {
    let count = contacts.len().min(MAX_CONTACTS);
    out.put_u8(count as u8);
    for contact in &contacts[..count] {
        contact.encode(out);
    }
}

fn take_contacts(fields: &mut Fields) -> Result<Vec<Contact>, DecodeError> {
    let count = fields.count(MAX_CONTACTS)?;
    (0..count).map(|_| Contact::decode(fields)).collect()
}

fn take_outcomes(fields: &mut Fields) -> Result<Vec<PutOutcome>, DecodeError> {
    let count = fields.count(MAX_PUT_RECORDS)?;
    if count == 0 {
        return Err(DecodeError::EmptyPart);
    }
    (0..count).map(|_| fields.u8().map(PutOutcome)).collect()
}
