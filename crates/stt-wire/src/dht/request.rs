//! What one member of the DHT asks another.
//!
//! | type | frame          | fields                                                      |
//! |------|----------------|-------------------------------------------------------------|
//! | 0x28 | `PING`         | `mode` u8                                                   |
//! | 0x29 | `FIND_NODE`    | `mode` u8, `target` 32                                      |
//! | 0x2A | `FIND_RECORDS` | `mode` u8, `target` 32, `kind` u8, `most` u8                |
//! | 0x2B | `PUT_RECORDS`  | `mode` u8, `purpose` u8, count u8 (1 to 64), records        |
//! | 0x2C | `DIAL_BACK`    | `mode` u8, address                                          |
//!
//! *spec:* DHT-1 to DHT-7.

use std::net::SocketAddr;

use bytes::{BufMut, BytesMut};

use super::contact::{address_len, put_address, take_address};
use super::{Record, RecordKind};
use crate::fields::Fields;
use crate::lane::stranger;
use crate::limits::MAX_PUT_RECORDS;
use crate::{DecodeError, FrameType, RawFrame, encode_header};

/// What the asking member is to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a member must say what it does with each"
)]
pub enum Mode {
    /// It asks but does not answer: nobody lists it.
    Client,
    /// It can be dialled, and answers.
    Server,
    /// It is about to go: nobody lists it any longer.
    Leaving,
}

impl Mode {
    const fn number(self) -> u8 {
        match self {
            Self::Client => 0x00,
            Self::Server => 0x01,
            Self::Leaving => 0x02,
        }
    }

    const fn from_number(value: u8) -> Result<Self, DecodeError> {
        match value {
            0x00 => Ok(Self::Client),
            0x01 => Ok(Self::Server),
            0x02 => Ok(Self::Leaving),
            value => Err(DecodeError::UnknownValue { value }),
        }
    }
}

/// Why records are to be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a member must say what it does with each"
)]
pub enum Purpose {
    /// The receiver is one of the members that are close to the keys.
    Replica,
    /// The receiver is on the way there and was asked: it may spare those some questions.
    Cache,
}

impl Purpose {
    const fn number(self) -> u8 {
        match self {
            Self::Replica => 0x00,
            Self::Cache => 0x01,
        }
    }

    const fn from_number(value: u8) -> Result<Self, DecodeError> {
        match value {
            0x00 => Ok(Self::Replica),
            0x01 => Ok(Self::Cache),
            value => Err(DecodeError::UnknownValue { value }),
        }
    }
}

/// A request and the mode of who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the form of the wire")]
pub struct DhtRequest {
    /// What the asking member is to others.
    pub mode: Mode,
    /// What it asks.
    pub ask: Ask,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a member must say what it does with each"
)]
pub enum Ask {
    /// Are you there?
    Ping,
    /// Which members do you know that are closest to `target`?
    FindNode {
        /// A place in the space of keys.
        target: [u8; 32],
    },
    /// Which records do you hold under `target`, and which closer members do you know?
    FindRecords {
        /// The records' key.
        target: [u8; 32],
        /// Of this kind only.
        kind: RecordKind,
        /// No more than this many.
        most: u8,
    },
    /// Hold these.
    PutRecords {
        /// What for.
        purpose: Purpose,
        /// 1 to [`MAX_PUT_RECORDS`]; further ones are not encoded.
        records: Vec<Record>,
    },
    /// Can you reach me there, with a new session?
    DialBack {
        /// Where.
        address: SocketAddr,
    },
}

impl DhtRequest {
    /// The type of the frame.
    pub const fn frame_type(&self) -> FrameType {
        match self.ask {
            Ask::Ping => FrameType::PING,
            Ask::FindNode { .. } => FrameType::FIND_NODE,
            Ask::FindRecords { .. } => FrameType::FIND_RECORDS,
            Ask::PutRecords { .. } => FrameType::PUT_RECORDS,
            Ask::DialBack { .. } => FrameType::DIAL_BACK,
        }
    }

    /// Bytes of the frame's payload.
    pub fn payload_len(&self) -> usize {
        1 + match &self.ask {
            Ask::Ping => 0,
            Ask::FindNode { .. } => 32,
            Ask::FindRecords { .. } => 34,
            Ask::PutRecords { records, .. } => {
                let records = records.iter().take(MAX_PUT_RECORDS);
                2 + records.map(Record::encoded_len).sum::<usize>()
            }
            Ask::DialBack { address } => address_len(*address),
        }
    }

    /// Appends the frame.
    pub fn encode(&self, out: &mut BytesMut) {
        encode_header(self.frame_type(), self.payload_len(), out);
        out.put_u8(self.mode.number());
        match &self.ask {
            Ask::Ping => {}
            Ask::FindNode { target } => out.put_slice(target),
            Ask::FindRecords { target, kind, most } => {
                out.put_slice(target);
                out.put_u8((*kind).into());
                out.put_u8(*most);
            }
            Ask::PutRecords { purpose, records } => {
                let count = records.len().min(MAX_PUT_RECORDS);
                out.put_u8(purpose.number());
                out.put_u8(count as u8);
                for record in &records[..count] {
                    record.encode(out);
                }
            }
            Ask::DialBack { address } => put_address(*address, out),
        }
    }

    /// Reads the frame after OPEN on a stream of requests. Take it with a
    /// [`FrameDecoder`](crate::FrameDecoder) of
    /// [`MAX_DHT_FRAME_LEN`](crate::limits::MAX_DHT_FRAME_LEN).
    ///
    /// # Errors
    ///
    /// [`DecodeError::WrongStream`] and [`DecodeError::UnknownType`] for a frame that is no request;
    /// [`DecodeError::UnknownValue`], [`DecodeError::TooMany`], [`DecodeError::TooLong`],
    /// [`DecodeError::BadAddress`], [`DecodeError::Truncated`], [`DecodeError::NonMinimalVarint`] and
    /// [`DecodeError::TrailingBytes`] for malformed fields; [`DecodeError::EmptyPart`] for a put of
    /// nothing.
    pub fn decode(frame: RawFrame) -> Result<Self, DecodeError> {
        let decode_ask = match frame.frame_type {
            FrameType::PING => |_: &mut Fields| Ok(Ask::Ping),
            FrameType::FIND_NODE => find_node,
            FrameType::FIND_RECORDS => find_records,
            FrameType::PUT_RECORDS => put_records,
            FrameType::DIAL_BACK => dial_back,
            other => return Err(stranger(other)),
        };
        let mut fields = Fields::new(frame.payload);
        let mode = Mode::from_number(fields.u8()?)?;
        let ask = decode_ask(&mut fields)?;
        fields.end()?;
        Ok(Self { mode, ask })
    }
}

fn find_node(fields: &mut Fields) -> Result<Ask, DecodeError> {
    let target = fields.array()?;
    Ok(Ask::FindNode { target })
}

fn find_records(fields: &mut Fields) -> Result<Ask, DecodeError> {
    Ok(Ask::FindRecords {
        target: fields.array()?,
        kind: fields.u8()?.into(),
        most: fields.u8()?,
    })
}

fn put_records(fields: &mut Fields) -> Result<Ask, DecodeError> {
    let purpose = Purpose::from_number(fields.u8()?)?;
    let count = fields.count(MAX_PUT_RECORDS)?;
    if count == 0 {
        return Err(DecodeError::EmptyPart);
    }
    let records = (0..count)
        .map(|_| Record::decode(fields))
        .collect::<Result<_, _>>()?;
    Ok(Ask::PutRecords { purpose, records })
}

fn dial_back(fields: &mut Fields) -> Result<Ask, DecodeError> {
    let address = take_address(fields)?;
    Ok(Ask::DialBack { address })
}
