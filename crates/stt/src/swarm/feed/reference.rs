//! What names a feed. spec: FEED-1.

use std::fmt;
use std::str::FromStr;

use stc::{NodeId, ParseNodeIdError};
use stt_wire::FeedEntry;

use crate::storage::Address;

/// A feed: whose it is, and which one. `PUBLISHER:ID`, with 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the text form has exactly these parts"
)]
pub struct FeedReference {
    /// Who makes its entries, and signs them.
    pub publisher: NodeId,
    /// Random, for this feed alone.
    pub id: [u8; 16],
}

impl FeedReference {
    /// Where the DHT knows holders of the feed; no object is there.
    pub fn address(&self) -> Address {
        let named = [
            &b"stt feed 1"[..],
            &self.publisher.as_bytes()[..],
            &self.id[..],
        ];
        Address::of(&named.concat())
    }

    /// Whether the publisher made this entry. spec: FEED-3.
    pub(super) fn has_signed(&self, entry: &FeedEntry) -> bool {
        let signed = entry.signed_bytes(&self.id);
        let verified = (self.publisher).verify(ENTRY_LABEL, &signed, &entry.signature);
        verified.is_ok()
    }
}

pub(super) const ENTRY_LABEL: &str = "feed entry";

impl fmt::Display for FeedReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{:032x}",
            self.publisher,
            u128::from_be_bytes(self.id)
        )
    }
}

impl FromStr for FeedReference {
    type Err = ParseFeedReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (publisher, id) = text.split_once(':').ok_or(ParseFeedReferenceError::Parts)?;
        let is_hexadecimal = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u128::from_str_radix(id, 16).ok().filter(|_| is_hexadecimal);
        Ok(Self {
            publisher: publisher
                .parse()
                .map_err(ParseFeedReferenceError::Publisher)?,
            id: number.ok_or(ParseFeedReferenceError::Id)?.to_be_bytes(),
        })
    }
}

/// Why a text names no feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseFeedReferenceError {
    /// It does not have two parts with a colon between them.
    #[error("a feed is PUBLISHER:ID")]
    Parts,
    /// The publisher is none.
    #[error("the publisher of the feed: {0}")]
    Publisher(#[source] ParseNodeIdError),
    /// The id is none.
    #[error("the id of a feed has 32 hexadecimal digits")]
    Id,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_reads_as_it_is_shown_and_nothing_else_does() {
        let feed = FeedReference {
            publisher: NodeId::from_bytes([7; 32]),
            id: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255],
        };
        let text = feed.to_string();
        assert!(
            text.ends_with(":000102030405060708090a0b0c0d0eff"),
            "{text}"
        );
        assert_eq!(text.parse(), Ok(feed));
        let parse = |text: &str| text.parse::<FeedReference>().unwrap_err();
        assert_eq!(parse(&text[..52]), ParseFeedReferenceError::Parts);
        assert_eq!(parse(&format!("{text}0")), ParseFeedReferenceError::Id);
        assert_eq!(
            parse(&text.replace(":0", ":+")),
            ParseFeedReferenceError::Id
        );
        let publisher = parse(&text[1..]);
        assert!(matches!(publisher, ParseFeedReferenceError::Publisher(_)));
    }
}
