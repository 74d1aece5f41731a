//! One body a decoder: what must hold for any bytes.
//!
//! A body panics where a promise is broken and returns where it is kept; that it returns at all is
//! the first promise. None knows libFuzzer, so all run anywhere.

pub mod beacon;
pub mod content;
pub mod control;
pub mod datagram;
pub mod decoder;
pub mod dht;
pub mod dht_kept;
pub mod dht_whereabouts;
pub mod endpoint;
pub mod event;
pub mod feed;
pub mod frames;
pub mod group;
pub mod handshake;
pub mod http_head;
pub mod keep;
pub mod lane;
pub mod leases;
pub mod name;
pub mod node_id;
pub mod open;
pub mod proxy;
pub mod proxy_answer;
pub mod relay;
pub mod sealed;
pub mod segment;
pub mod store_header;
pub mod store_keys;
pub mod store_manifest;
pub mod store_record;
pub mod store_reference;
pub mod varint;
pub mod ws_answer;
pub mod ws_request;
pub mod ws_url;

use bytes::{Bytes, BytesMut};
use stt_wire::{FrameType, RawFrame};

/// A body and the name of its corpus.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 35] = [
    ("beacon", beacon::body),
    ("content", content::body),
    ("control", control::body),
    ("datagram", datagram::body),
    ("decoder", decoder::body),
    ("dht", dht::body),
    ("dht_kept", dht_kept::body),
    ("dht_whereabouts", dht_whereabouts::body),
    ("endpoint", endpoint::body),
    ("event", event::body),
    ("feed", feed::body),
    ("frames", frames::body),
    ("group", group::body),
    ("handshake", handshake::body),
    ("http_head", http_head::body),
    ("keep", keep::body),
    ("lane", lane::body),
    ("leases", leases::body),
    ("name", name::body),
    ("node_id", node_id::body),
    ("open", open::body),
    ("proxy", proxy::body),
    ("proxy_answer", proxy_answer::body),
    ("relay", relay::body),
    ("sealed", sealed::body),
    ("segment", segment::body),
    ("store_header", store_header::body),
    ("store_keys", store_keys::body),
    ("store_manifest", store_manifest::body),
    ("store_record", store_record::body),
    ("store_reference", store_reference::body),
    ("varint", varint::body),
    ("ws_answer", ws_answer::body),
    ("ws_request", ws_request::body),
    ("ws_url", ws_url::body),
];

/// Takes the first byte as a frame's type and the rest as its payload.
fn raw_frame(data: &[u8]) -> Option<RawFrame> {
    let (&first, payload) = data.split_first()?;
    Some(RawFrame {
        frame_type: FrameType::from(first),
        payload: Bytes::copy_from_slice(payload),
    })
}

/// The bytes of a frame that was not looked at.
fn encoded(frame: &RawFrame) -> BytesMut {
    let mut out = BytesMut::new();
    stt_wire::encode_frame(frame.frame_type, &frame.payload, &mut out);
    out
}
