//! The first byte of a frame, and the registry of STT's own.
//!
//! | range     | owner                                                     |
//! |-----------|-----------------------------------------------------------|
//! | 0x00      | nobody: illegal                                           |
//! | 0x01-0x3F | STT; a receiver that does not know one closes the session |
//! | 0x40-0x7F | STT; a receiver skips those it does not know              |
//! | 0x80-0xFF | users                                                     |
//!
//! *spec:* WIRE-3 to WIRE-5, `spec/registry/frames.toml`.

use std::fmt;

/// What a frame is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameType(u8);

/// One row a type: constant, number, meaning.
macro_rules! registry {
    ($($name:ident = $number:literal, $meaning:literal;)*) => {
        impl FrameType {
            $(#[doc = $meaning] pub const $name: Self = Self($number);)*

            /// The name in the registry, if the type has one.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

registry! {
    OPEN = 0x01, "Names what a stream is; the first frame of each.";
    CREDIT = 0x02, "How much more may be sent on a message stream.";
    RELEASED = 0x03, "A message stream is forgotten.";
    CHECKPOINT = 0x04, "Asks to be told when a data stream was consumed up to an offset.";
    REACHED = 0x05, "Answers a checkpoint.";
    FINISHED = 0x06, "All was sent and all was consumed: the session may end.";
    CLOSING = 0x07, "Nothing more will be opened or sent.";
    MESSAGE = 0x10, "A whole message.";
    MESSAGE_START = 0x11, "The first part of a longer message.";
    MESSAGE_MORE = 0x12, "A further part of a longer message.";
    RELEASE = 0x13, "Lets go of a message stream.";
    ATTACH = 0x18, "Names the endpoint of an endpoint stream.";
    ITEM = 0x19, "A whole item for an endpoint.";
    ITEM_START = 0x1a, "The first part of a longer item.";
    ITEM_MORE = 0x1b, "A further part of a longer item.";
    ITEM_CREDIT = 0x1c, "How much more may be sent on an endpoint stream.";
    RECEIPT = 0x1d, "What became of items.";
    EVENT = 0x20, "An event, by name.";
    LOOK = 0x21, "Asks what is held of an object.";
    TAKE = 0x22, "Asks for a part of an object.";
    HOLDING = 0x23, "Answers `LOOK`: what the object is.";
    HAVE = 0x24, "Answers `LOOK`: which blocks are held.";
    PIECE = 0x25, "Answers `TAKE`: the bytes follow.";
    ABSENT = 0x26, "Answers any request for content, `PROVE` and `FOLLOW`: not here.";
    KEEP = 0x27, "Asks to keep a copy of an object, or to let go of one.";
    PING = 0x28, "Asks a member of the DHT whether it is there.";
    FIND_NODE = 0x29, "Asks for the members closest to a key.";
    FIND_RECORDS = 0x2a, "Asks for the records under a key, and for members closer to it.";
    PUT_RECORDS = 0x2b, "Asks to hold records.";
    DIAL_BACK = 0x2c, "Asks to be dialled at an address.";
    PROVE = 0x2d, "Asks for a proof that a block is still there.";
    KEEPING = 0x2e, "Answers `KEEP`: the copy is on its way.";
    KEPT = 0x2f, "Answers `KEEP`: the copy is whole, and kept for so long.";
    PONG = 0x30, "Answers `PING`.";
    NODES = 0x31, "Answers `FIND_NODE`.";
    RECORDS = 0x32, "Answers `FIND_RECORDS`.";
    STORED = 0x33, "Answers `PUT_RECORDS`.";
    DIALLED = 0x34, "Answers `DIAL_BACK`.";
    BUSY = 0x35, "Answers any request of the DHT, for content, copies or a feed: not now.";
    DECLINED = 0x36, "Answers `KEEP`: no copy is kept.";
    PROOF = 0x37, "Answers `PROVE`.";
    REACH = 0x38, "Asks a relay for a channel to a member.";
    LEAVE = 0x39, "Tells a relay that a channel is needed no more.";
    REGISTERED = 0x3a, "A member is registered with a relay.";
    CHANNEL = 0x3b, "A relay grants a leg of a channel.";
    UNREACHED = 0x3c, "A relay grants no channel, or no registration.";
    GONE = 0x3d, "A channel is no more.";
    FOLLOW = 0x3e, "Asks for the entries of a feed, as they come.";
    ENTRY = 0x3f, "Answers `FOLLOW`: the publisher made this entry.";
    CANDIDATES = 0x40, "Where the sender can be reached.";
}

impl FrameType {
    /// The type no frame may have.
    pub const ILLEGAL: Self = Self(0x00);

    /// Whether the type belongs to users: 0x80 to 0xFF.
    #[inline]
    pub const fn is_user(self) -> bool {
        self.0 >= 0x80
    }

    /// Whether the type belongs to STT, registered or not: 0x01 to 0x7F.
    #[inline]
    pub const fn is_reserved(self) -> bool {
        matches!(self.0, 0x01..=0x7f)
    }

    /// Whether a receiver that does not know the type skips it: 0x40 to 0x7F.
    #[inline]
    pub const fn may_be_ignored(self) -> bool {
        matches!(self.0, 0x40..=0x7f)
    }
}

impl From<u8> for FrameType {
    #[inline]
    fn from(number: u8) -> Self {
        Self(number)
    }
}

impl From<FrameType> for u8 {
    #[inline]
    fn from(frame_type: FrameType) -> Self {
        frame_type.0
    }
}

impl fmt::Display for FrameType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#04x}", self.0)
    }
}

impl fmt::Debug for FrameType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name}({self})"),
            None => write!(f, "FrameType({self})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_but_0x00_has_one_owner() {
        for frame_type in (0..=u8::MAX).map(FrameType::from) {
            let owners = [frame_type.is_reserved(), frame_type.is_user()];
            let expected = usize::from(frame_type != FrameType::ILLEGAL);
            assert_eq!(owners.iter().filter(|owns| **owns).count(), expected);
        }
    }

    #[test]
    fn every_registered_type_is_reserved() {
        let mut registered = (0..=u8::MAX)
            .map(FrameType::from)
            .filter(|ty| ty.name().is_some());
        assert!(registered.all(FrameType::is_reserved));
    }
}
