//! The control stream: a frame it takes has one encoding, the one it came in. Candidates of kinds that
//! are skipped are not in what was taken, so those only have to come back as they are.
//!
//! Input: `type u8 | payload`.

use bytes::BytesMut;
use stt_wire::{ControlFrame, FrameDecoder, limits::MAX_CONTROL_LEN};

/// Decodes a control frame and encodes it again.
pub fn body(data: &[u8]) {
    let Some(raw) = crate::raw_frame(data) else {
        return;
    };
    let Ok(frame) = ControlFrame::decode(raw.clone()) else {
        return;
    };
    let mut out = BytesMut::new();
    frame.encode(&mut out);
    match frame {
        ControlFrame::Ignored(frame_type) => {
            assert!(frame_type.may_be_ignored() && frame_type.name().is_none());
            assert!(out.is_empty());
        }
        ControlFrame::Candidates(_) => {
            let mut decoder = FrameDecoder::new(MAX_CONTROL_LEN);
            let again = decoder.decode(&mut out.freeze());
            let again = again.expect("ours").expect("whole");
            assert_eq!(ControlFrame::decode(again), Ok(frame));
        }
        _ => assert_eq!(out, crate::encoded(&raw)),
    }
}
