//! `EVENT` (0x20): something happened, by name; the only frame of a stream of events.
//!
//! | size    | field     | meaning                                              |
//! |---------|-----------|------------------------------------------------------|
//! | 1 - 256 | `name`    | a [`Name`], its length first                         |
//! | rest    | `payload` | the application's bytes, up to the receiver's limit  |
//!
//! *spec:* WIRE-120, WIRE-121.

use bytes::{Bytes, BytesMut};

use crate::lane::{stranger, within};
use crate::{DecodeError, FrameType, Name, RawFrame, encode_header};

/// An event and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFrame {
    /// What the application calls it.
    pub name: Name,
    /// Its bytes.
    pub payload: Bytes,
}

impl EventFrame {
    /// Appends the frame, with a copy of its payload.
    pub fn encode(&self, out: &mut BytesMut) {
        self.encode_header(out);
        out.extend_from_slice(&self.payload);
    }

    /// Appends all of the frame but its payload, which the caller sends next.
    pub fn encode_header(&self, out: &mut BytesMut) {
        let len = self.name.encoded_len() + self.payload.len();
        encode_header(FrameType::EVENT, len, out);
        self.name.encode(out);
    }

    /// Reads a frame of a stream of events after its OPEN. Take it with a
    /// [`FrameDecoder`](crate::FrameDecoder) of `max_payload` and
    /// [`MAX_NAME_LEN`](crate::limits::MAX_NAME_LEN).
    ///
    /// # Errors
    ///
    /// [`DecodeError::WrongStream`] and [`DecodeError::UnknownType`] for a frame that is no event,
    /// [`DecodeError::TooLong`] for a payload beyond `max_payload` bytes;
    /// [`DecodeError::Truncated`] and [`DecodeError::NameNotUtf8`] for a malformed name.
    pub fn decode(frame: RawFrame, max_payload: usize) -> Result<Self, DecodeError> {
        let RawFrame {
            frame_type,
            mut payload,
        } = frame;
        if frame_type != FrameType::EVENT {
            return Err(stranger(frame_type));
        }
        let name = Name::take(&mut payload)?;
        within(payload.len() as u64, max_payload as u64)?;
        Ok(Self { name, payload })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{any_payload, cut, only_frame};

    const LIMIT: usize = 300;

    fn raw(event: &EventFrame) -> RawFrame {
        let mut out = BytesMut::new();
        event.encode(&mut out);
        only_frame(out)
    }

    proptest! {
        #[test]
        fn event_survives_the_wire(text in ".{0,63}", payload in any_payload(0)) {
            let name = Name::try_from(text).unwrap();
            let event = EventFrame { name, payload };
            let raw = raw(&event);
            for missing in event.payload.len() + 1..=raw.payload.len() {
                let refusal = EventFrame::decode(cut(&raw, missing), LIMIT);
                prop_assert_eq!(refusal, Err(DecodeError::Truncated));
            }
            prop_assert_eq!(EventFrame::decode(raw, LIMIT), Ok(event));
        }
    }

    #[test]
    fn event_is_bound_by_the_receivers_limit() {
        let event = EventFrame {
            name: Name::try_from("n".repeat(Name::MAX_LEN)).unwrap(),
            payload: Bytes::from_static(b"four"),
        };
        assert!(EventFrame::decode(raw(&event), 4).is_ok());
        let refusal = DecodeError::TooLong { len: 4, max: 3 };
        assert_eq!(EventFrame::decode(raw(&event), 3), Err(refusal));
    }

    #[test]
    fn stream_of_events_refuses_all_other_types() {
        for frame_type in (0..=u8::MAX).map(FrameType::from) {
            let payload = Bytes::from_static(&[0]);
            let decoded = EventFrame::decode(
                RawFrame {
                    frame_type,
                    payload,
                },
                LIMIT,
            );
            match frame_type {
                FrameType::EVENT => assert!(decoded.is_ok()),
                FrameType::ILLEGAL => assert_eq!(decoded, Err(DecodeError::IllegalType)),
                _ => assert!(matches!(
                    decoded,
                    Err(DecodeError::WrongStream(other) | DecodeError::UnknownType(other))
                        if other == frame_type
                )),
            }
        }
    }
}
