//! Every request and answer survives the wire, and nothing else is taken.

use std::net::{IpAddr, SocketAddr};

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::*;
use crate::limits::{MAX_CONTACTS, MAX_DHT_FRAME_LEN, MAX_PUT_RECORDS, MAX_SEALED_LEN};
use crate::testing::{any_varint, cut, only_frame, with_byte_after};
use crate::{DecodeError, FrameType, RawFrame, VarInt};

fn any_address() -> impl Strategy<Value = SocketAddr> {
    let is_usable =
        |ip: &IpAddr| *ip == ip.to_canonical() && !ip.is_unspecified() && !ip.is_multicast();
    (
        any::<IpAddr>().prop_filter("usable", is_usable),
        1..=u16::MAX,
    )
        .prop_map(|(ip, port)| SocketAddr::new(ip, port))
}

fn any_contact() -> impl Strategy<Value = Contact> {
    let parts = (
        any::<[u8; 32]>(),
        any_address(),
        prop::option::of(any_address()),
    );
    parts.prop_map(|(node, first, second)| {
        let mut addresses = Addresses::from(first);
        if let Some(second) = second {
            addresses.push(second);
        }
        Contact { node, addresses }
    })
}

fn any_record() -> impl Strategy<Value = Record> {
    let times = (any_varint(), any_varint());
    let sealed = prop::collection::vec(any::<u8>(), 0..=MAX_SEALED_LEN);
    let parts = (
        any::<u8>(),
        any::<[u8; 32]>(),
        any::<[u8; 32]>(),
        times,
        sealed,
        any::<u8>(),
    );
    parts.prop_map(
        |(kind, key, node, (issued, lifetime), sealed, byte)| Record {
            kind: kind.into(),
            key,
            node,
            issued,
            lifetime,
            sealed: sealed.into(),
            signature: [byte; 64],
        },
    )
}

fn any_request() -> impl Strategy<Value = DhtRequest> {
    let mode = prop_oneof![Just(Mode::Client), Just(Mode::Server), Just(Mode::Leaving)];
    let purpose = prop_oneof![Just(Purpose::Replica), Just(Purpose::Cache)];
    let target = any::<[u8; 32]>();
    let ask = prop_oneof![
        Just(Ask::Ping),
        target.prop_map(|target| Ask::FindNode { target }),
        (target, any::<u8>(), any::<u8>()).prop_map(|(target, kind, most)| Ask::FindRecords {
            target,
            kind: kind.into(),
            most
        }),
        (purpose, prop::collection::vec(any_record(), 1..5))
            .prop_map(|(purpose, records)| Ask::PutRecords { purpose, records }),
        any_address().prop_map(|address| Ask::DialBack { address }),
    ];
    (mode, ask).prop_map(|(mode, ask)| DhtRequest { mode, ask })
}

fn any_answer() -> impl Strategy<Value = DhtAnswer> {
    let contacts = || prop::collection::vec(any_contact(), 0..=MAX_CONTACTS);
    let outcomes = prop::collection::vec(any::<u8>().prop_map(PutOutcome::from), 1..=64);
    let dialled = [
        DialOutcome::Reached,
        DialOutcome::NotReached,
        DialOutcome::NotTried,
    ];
    prop_oneof![
        Just(DhtAnswer::Pong),
        contacts().prop_map(DhtAnswer::Nodes),
        (prop::collection::vec(any_record(), 0..5), contacts())
            .prop_map(|(records, closer)| DhtAnswer::Records { records, closer }),
        outcomes.prop_map(DhtAnswer::Stored),
        prop::sample::select(dialled.to_vec()).prop_map(DhtAnswer::Dialled),
        any_varint().prop_map(|wait| DhtAnswer::Busy { wait }),
    ]
}

fn raw(encode: impl FnOnce(&mut BytesMut)) -> RawFrame {
    let mut out = BytesMut::new();
    encode(&mut out);
    only_frame(out)
}

proptest! {
    #[test]
    fn request_survives_the_wire(request in any_request()) {
        let raw = raw(|out| request.encode(out));
        prop_assert_eq!(raw.payload.len(), request.payload_len());
        prop_assert!(DhtRequest::decode(cut(&raw, 1)).is_err());
        let longer = DhtRequest::decode(with_byte_after(&raw));
        prop_assert_eq!(longer, Err(DecodeError::TrailingBytes { extra: 1 }));
        prop_assert_eq!(DhtRequest::decode(raw), Ok(request));
    }

    #[test]
    fn answer_survives_the_wire(answer in any_answer()) {
        let raw = raw(|out| answer.encode(out));
        prop_assert_eq!(raw.payload.len(), answer.payload_len());
        if !raw.payload.is_empty() {
            prop_assert!(DhtAnswer::decode(cut(&raw, 1)).is_err());
        }
        prop_assert!(DhtAnswer::decode(with_byte_after(&raw)).is_err());
        prop_assert_eq!(DhtAnswer::decode(raw), Ok(answer));
    }

    #[test]
    fn signature_covers_every_other_byte(record in any_record()) {
        let whole = {
            let mut out = BytesMut::new();
            record.encode(&mut out);
            out
        };
        let signed = record.signed_part();
        prop_assert_eq!(&whole[..signed.len()], &signed[..]);
        prop_assert_eq!(&whole[signed.len()..], &record.signature[..]);
    }
}

fn longest_record() -> Record {
    Record {
        kind: RecordKind::PROVIDER,
        key: [1; 32],
        node: [2; 32],
        issued: VarInt::MAX,
        lifetime: VarInt::MAX,
        sealed: Bytes::from(vec![3; MAX_SEALED_LEN]),
        signature: [4; 64],
    }
}

#[test]
fn longest_put_fits_the_limit_of_a_frame() {
    let records = vec![longest_record(); MAX_PUT_RECORDS];
    let (mode, purpose) = (Mode::Server, Purpose::Replica);
    let ask = Ask::PutRecords { purpose, records };
    assert!(DhtRequest { mode, ask }.payload_len() <= MAX_DHT_FRAME_LEN);
}

#[test]
fn list_beyond_its_bound_is_refused_by_its_count() {
    let payload = Bytes::from_static(&[21]);
    let frame_type = FrameType::NODES;
    let refusal = DhtAnswer::decode(RawFrame {
        frame_type,
        payload,
    });
    assert_eq!(refusal, Err(DecodeError::TooMany { count: 21, max: 20 }));
    let payload = Bytes::from_static(&[1, 0, 65]);
    let frame_type = FrameType::PUT_RECORDS;
    let refusal = DhtRequest::decode(RawFrame {
        frame_type,
        payload,
    });
    assert_eq!(refusal, Err(DecodeError::TooMany { count: 65, max: 64 }));
}

#[test]
fn address_has_one_form() {
    let dial_back = |bytes: &[u8]| {
        let payload = Bytes::from([&[1], bytes].concat());
        let frame_type = FrameType::DIAL_BACK;
        DhtRequest::decode(RawFrame {
            frame_type,
            payload,
        })
    };
    assert!(dial_back(&[4, 192, 0, 2, 1, 0, 80]).is_ok());
    let mapped = [&[6][..], &[0; 10], &[0xff, 0xff, 192, 0, 2, 1, 0, 80]].concat();
    let bad = [
        &[4, 192, 0, 2, 1, 0, 0][..],
        &[4, 0, 0, 0, 0, 0, 80],
        &[4, 224, 0, 0, 1, 0, 80],
        &mapped,
    ];
    for bytes in bad {
        assert_eq!(dial_back(bytes), Err(DecodeError::BadAddress));
    }
    let refusal = Err(DecodeError::UnknownValue { value: 5 });
    assert_eq!(dial_back(&[5, 1, 1, 1, 1, 0, 80]), refusal);
}

#[test]
fn request_is_no_answer_and_answer_no_request() {
    for frame_type in (0..=u8::MAX).map(FrameType::from) {
        let payload = Bytes::new();
        let raw = RawFrame {
            frame_type,
            payload,
        };
        let is_stranger = |error| {
            matches!(
                error,
                DecodeError::IllegalType
                    | DecodeError::WrongStream(_)
                    | DecodeError::UnknownType(_)
            )
        };
        let number = u8::from(frame_type);
        let request = DhtRequest::decode(raw.clone()).unwrap_err();
        assert_eq!(is_stranger(request), !(0x28..=0x2c).contains(&number));
        let is_refused = DhtAnswer::decode(raw).is_err_and(is_stranger);
        assert_eq!(is_refused, !(0x30..=0x35).contains(&number));
    }
}
