//! The two sides of a request for content, of one for copies and of one for a feed. spec: CONTENT-1 to CONTENT-12, COPY-1 to COPY-9,
//! FEED-10 to FEED-14.
//!
//! | | where |
//! |---|---|
//! | a request on a stream, and its answers | [`ask`], [`request`] |
//! | content | [`ask`], [`serve`] |
//! | copies | [`keep`]; who keeps them is [`offer`](super::offer) |
//! | the entries of a feed | [`follow`]; who tells of them is [`feed`](super::feed) |

pub(super) mod ask;
pub(super) mod follow;
pub(super) mod keep;
pub(super) mod request;
pub(super) mod serve;

use stt_wire::{ContentPart, VarInt};

use crate::storage::blocking::ObjectPart;

/// A part, as the wire names it.
fn on_the_wire(part: ObjectPart) -> ContentPart {
    match part {
        ObjectPart::Block(number) => ContentPart::Block(VarInt::saturating(number)),
        ObjectPart::Page(number) => ContentPart::Page(VarInt::saturating(number)),
        ObjectPart::Top => ContentPart::Top,
    }
}

/// A part, as the store names it.
fn in_the_store(part: ContentPart) -> ObjectPart {
    match part {
        ContentPart::Block(number) => ObjectPart::Block(number.get()),
        ContentPart::Page(number) => ObjectPart::Page(number.get()),
        ContentPart::Top => ObjectPart::Top,
    }
}
