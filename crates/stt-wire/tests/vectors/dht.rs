//! Requests and answers of the DHT.

use serde::Deserialize;
use stt_wire::{
    Addresses, Ask, Contact, DhtAnswer, DhtRequest, DialOutcome, Mode, Purpose, Record,
};

use crate::{Vectors, array, assert_refused, bytes, encoded, only_frame, parse, varint};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    hex: String,
    request: String,
    mode: String,
    target: Option<String>,
    kind: Option<u8>,
    most: Option<u8>,
    purpose: Option<String>,
    address: Option<String>,
    #[serde(default)]
    records: Vec<SignedRecord>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignedRecord {
    kind: u8,
    key: String,
    node: String,
    issued: u64,
    lifetime: u64,
    sealed: String,
    signature: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    node: String,
    addresses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(
    tag = "answer",
    rename_all = "SCREAMING_SNAKE_CASE",
    deny_unknown_fields
)]
enum Answer {
    Pong {
        hex: String,
    },
    Nodes {
        hex: String,
        contacts: Vec<Place>,
    },
    Records {
        hex: String,
        records: Vec<SignedRecord>,
        closer: Vec<Place>,
    },
    Stored {
        hex: String,
        outcomes: Vec<u8>,
    },
    Dialled {
        hex: String,
        outcome: String,
    },
    Busy {
        hex: String,
        wait: u64,
    },
}

impl SignedRecord {
    fn meaning(&self) -> Record {
        Record {
            kind: self.kind.into(),
            key: array(&self.key),
            node: array(&self.node),
            issued: varint(self.issued),
            lifetime: varint(self.lifetime),
            sealed: bytes(&self.sealed),
            signature: array(&self.signature),
        }
    }
}

impl Place {
    fn meaning(&self) -> Contact {
        let mut all = self
            .addresses
            .iter()
            .map(|text| text.parse().expect("an address"));
        let mut addresses = Addresses::from(all.next().expect("one address"));
        all.for_each(|address| addresses.push(address));
        Contact {
            node: array(&self.node),
            addresses,
        }
    }
}

impl Question {
    fn meaning(&self) -> DhtRequest {
        let target = || array(self.target.as_deref().expect("a target"));
        let ask = match self.request.as_str() {
            "PING" => Ask::Ping,
            "FIND_NODE" => Ask::FindNode { target: target() },
            "FIND_RECORDS" => Ask::FindRecords {
                target: target(),
                kind: self.kind.expect("a kind").into(),
                most: self.most.expect("a bound"),
            },
            "PUT_RECORDS" => Ask::PutRecords {
                purpose: match self.purpose.as_deref() {
                    Some("REPLICA") => Purpose::Replica,
                    Some("CACHE") => Purpose::Cache,
                    other => panic!("{other:?}"),
                },
                records: self.records.iter().map(SignedRecord::meaning).collect(),
            },
            "DIAL_BACK" => {
                let address = self.address.as_deref().expect("an address");
                Ask::DialBack {
                    address: address.parse().expect("an address"),
                }
            }
            other => panic!("{other}"),
        };
        let mode = match self.mode.as_str() {
            "CLIENT" => Mode::Client,
            "SERVER" => Mode::Server,
            "LEAVING" => Mode::Leaving,
            other => panic!("{other}"),
        };
        DhtRequest { mode, ask }
    }
}

impl Answer {
    fn meaning(self) -> (String, DhtAnswer) {
        let places = |places: Vec<Place>| places.iter().map(Place::meaning).collect();
        match self {
            Self::Pong { hex } => (hex, DhtAnswer::Pong),
            Self::Nodes { hex, contacts } => (hex, DhtAnswer::Nodes(places(contacts))),
            Self::Records {
                hex,
                records,
                closer,
            } => {
                let records = records.iter().map(SignedRecord::meaning).collect();
                (
                    hex,
                    DhtAnswer::Records {
                        records,
                        closer: places(closer),
                    },
                )
            }
            Self::Stored { hex, outcomes } => (
                hex,
                DhtAnswer::Stored(outcomes.into_iter().map(Into::into).collect()),
            ),
            Self::Dialled { hex, outcome } => {
                let outcome = match outcome.as_str() {
                    "REACHED" => DialOutcome::Reached,
                    "NOT_REACHED" => DialOutcome::NotReached,
                    "NOT_TRIED" => DialOutcome::NotTried,
                    other => panic!("{other}"),
                };
                (hex, DhtAnswer::Dialled(outcome))
            }
            Self::Busy { hex, wait } => (hex, DhtAnswer::Busy { wait: varint(wait) }),
        }
    }
}

#[test]
fn dht_request_vectors_hold() {
    let text = include_str!("../../../../spec/vectors/wire/dht-request.json");
    let vectors: Vectors<Question> = parse(text);
    let decode = |hex: &str| DhtRequest::decode(only_frame(hex));
    for vector in &vectors.valid {
        let request = vector.meaning();
        assert_eq!(decode(&vector.hex).as_ref(), Ok(&request));
        assert_eq!(encoded(|out| request.encode(out)), bytes(&vector.hex));
    }
    assert_refused(&vectors.invalid, decode);
}

#[test]
fn dht_answer_vectors_hold() {
    let text = include_str!("../../../../spec/vectors/wire/dht-answer.json");
    let vectors: Vectors<Answer> = parse(text);
    let decode = |hex: &str| DhtAnswer::decode(only_frame(hex));
    for (hex, answer) in vectors.valid.into_iter().map(Answer::meaning) {
        assert_eq!(decode(&hex).as_ref(), Ok(&answer));
        assert_eq!(encoded(|out| answer.encode(out)), bytes(&hex));
    }
    assert_refused(&vectors.invalid, decode);
}
