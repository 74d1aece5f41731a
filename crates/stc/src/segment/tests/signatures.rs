//! Signed streams, and what a holder of the context can do to them.

use super::super::{header, keys};
use super::*;

fn sign(sealer: &mut Sealer, mark: Mark) -> Vec<u8> {
    let mut segment = vec![0; sealer.signature_len()];
    sealer.seal_signature(mark, &mut segment).unwrap();
    segment
}

fn signature(opener: &mut Opener, segment: &[u8], sequence: u64) -> StreamSignature {
    match open(opener, segment, sequence).unwrap().0.body {
        Body::Signature(signature) => signature,
        Body::Data { .. } => panic!("data"),
    }
}

#[test]
fn a_signature_proves_the_signer_and_each_segment_before_it() {
    let mut sealer = signed(Extent::Bounded(3));
    assert_eq!(
        sealer.seal_in_place(Mark::More, &mut [0; OVERHEAD]),
        Err(SealSegmentError::SignatureDue)
    );
    let first = sign(&mut sealer, Mark::More);
    let data = [
        seal(&mut sealer, Mark::More, b"ab"),
        seal(&mut sealer, Mark::More, b"c"),
    ];
    assert_eq!(
        sealer.seal_in_place(Mark::Last, &mut [0; OVERHEAD]),
        Err(SealSegmentError::SignatureDue)
    );
    let last = sign(&mut sealer, Mark::Last);

    let mut opener = Opener::new(&context());
    let opened = open(&mut opener, &first, 0).unwrap().0;
    assert_eq!((opened.length, opened.header.is_signed()), (Some(3), true));
    let (me, other) = (identity(1).node_id(), identity(2).node_id());
    let begin = signature(&mut opener, &first, 0);
    assert_eq!((begin.signer(), begin.digests()), (Some(me), &[][..]));
    let end = signature(&mut opener, &last, 3);
    assert_eq!(end.signer(), None);
    assert_eq!(
        end.digests(),
        data.each_ref().map(|segment| Digest::of(segment))
    );
    for signature in [begin, end] {
        assert!(signature.verify(&me).is_ok());
        assert!(signature.verify(&other).is_err());
    }
}

#[test]
fn a_signature_is_due_after_64_segments() {
    let mut sealer = signed(Extent::Live);
    sign(&mut sealer, Mark::More);
    for _ in 0..MAX_UNSIGNED {
        seal(&mut sealer, Mark::More, b"a");
    }
    assert_eq!(sealer.unsigned(), MAX_UNSIGNED);
    assert_eq!(
        sealer.seal_in_place(Mark::More, &mut [0; OVERHEAD]),
        Err(SealSegmentError::SignatureDue)
    );
    sign(&mut sealer, Mark::More);
    seal(&mut sealer, Mark::More, b"a");
}

#[test]
fn a_holder_of_the_context_cannot_move_a_signature() {
    // What a member can do: take the body of a true signature, and seal it elsewhere.
    let mut honest = signed(Extent::Live);
    let begin = sign(&mut honest, Mark::More);
    seal(&mut honest, Mark::More, b"a");
    let end = sign(&mut honest, Mark::Last);
    let keys = |id, context: &StcContext| {
        keys::SegmentContext::from(context).keys(
            Suite::Aes256Gcm,
            header::Shape::new(Extent::Live, true),
            id,
        )
    };
    let me = identity(1).node_id();
    let here = honest.stream_id();
    let elsewhere = StcContext::from_seed(&[7; 32], "other");
    let other_id = SegmentStreamId::from_bytes([9; 16]);
    let forge = |segment: &[u8], header: Header, id, context: &StcContext| {
        let true_header = Header::decode(segment).unwrap();
        let mut body = vec![0; segment.len() - OVERHEAD];
        keys(here, &self::context())
            .open(&true_header, segment, &mut body)
            .unwrap();
        let mut forged = vec![0; segment.len()];
        keys(id, context)
            .seal_from(&header, &body, &mut forged)
            .unwrap();
        signature(&mut Opener::new(context), &forged, header.sequence).verify(&me)
    };
    let header = Header::decode(&end).unwrap();
    let forge_end = |header| forge(&end, header, here, &context());
    assert!(forge_end(header).is_ok(), "the checks below would be idle");
    assert!(
        forge_end(Header {
            mark: Mark::More,
            ..header
        })
        .is_err()
    );
    assert!(
        forge_end(Header {
            sequence: 3,
            ..header
        })
        .is_err()
    );
    assert!(
        forge(
            &end,
            Header {
                stream_id: other_id,
                ..header
            },
            other_id,
            &context()
        )
        .is_err()
    );
    assert!(forge(&end, header, here, &elsewhere).is_err());
    let header = Header::decode(&begin).unwrap();
    assert!(
        forge(
            &begin,
            Header {
                mark: Mark::Last,
                ..header
            },
            here,
            &context()
        )
        .is_err()
    );
}
