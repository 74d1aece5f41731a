//! Frames of a registration with a relay, and packets of a leg: what is taken is within the law and has one
//! encoding.
//!
//! Input: `type u8 | payload`, and at once a datagram.

use bytes::BytesMut;
use stc::packet::{RELAY_OVERHEAD, RelayKey, RelayPacket};
use stc::{Secret, Suite};
use stt_wire::{RelayAnswer, RelayRequest, VarInt};

/// Decodes a frame as either and encodes it again; none is taken as both. Then takes the input for a
/// packet, which nobody has sealed.
pub fn body(data: &[u8]) {
    packet(data);
    let Some(raw) = crate::raw_frame(data) else {
        return;
    };
    let request = RelayRequest::decode(raw.clone());
    let answer = RelayAnswer::decode(raw.clone());
    assert!(request.is_err() || answer.is_err());
    let mut out = BytesMut::new();
    if let Ok(request) = request {
        if let RelayRequest::Reach { request, .. } = request {
            assert_ne!(request, VarInt::ZERO);
        }
        request.encode(&mut out);
        assert_eq!(out, crate::encoded(&raw));
    } else if let Ok(answer) = answer {
        answer.encode(&mut out);
        assert_eq!(out, crate::encoded(&raw));
    }
}

fn packet(data: &[u8]) {
    let Some(packet) = RelayPacket::parse(data) else {
        return;
    };
    assert_eq!(packet.content.len() + RELAY_OVERHEAD, data.len());
    let key = RelayKey::new(Suite::Aes256Gcm, &Secret::new([7; 64]));
    assert!(!key.verifies(&packet), "nobody has made this");
    let mut sealed = data.to_vec();
    key.seal(packet.tag, packet.number, &mut sealed);
    let again = RelayPacket::parse(&sealed).expect("it looks as before");
    assert_eq!(again.content, packet.content);
    assert!(key.verifies(&again));
}
