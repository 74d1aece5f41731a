//! Whether two nodes will have a direct path, by what is known of their networks: nothing is tried here.
//!
//! | ours \ theirs | none | independent | dependent | unknown |
//! |---|---|---|---|---|
//! | none | direct | direct | direct | direct |
//! | independent | direct | direct | by many ports | likely |
//! | dependent | direct | by many ports | no | can't tell |
//! | unknown | direct | likely | can't tell | can't tell |
//!
//! A firewall can prevent each of them, and nobody can tell before it is tried.

use std::fmt;

use serde::Serialize;
use stt::AddressMapping::{self, Dependent, Independent, None as Untranslated};

/// One of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) mapping: AddressMapping,
    pub(super) udp: Udp,
}

/// Whether a network lets UDP through, as far as it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Udp {
    Works,
    Blocked,
    Unknown,
}

/// What the two have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Between {
    /// A path by UDP is there already.
    Direct,
    /// The peer hides where it is.
    Hidden,
    /// Others see both at one address: they are behind the same router.
    SameRouter,
    Nothing,
}

/// What will come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prediction {
    /// A direct path.
    Direct(Why),
    /// A direct path, if nothing unusual is in the way.
    Likely(Why),
    /// No direct path.
    Indirect(Why),
    /// Not enough is known: of this side, or of the other.
    Open(Missing),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Reached,
    SameRouter,
    OneIsUntranslated,
    BothCanBeTold,
    ManyPorts,
    OneCanBeTold,
    BothDependent,
    UdpBlocked,
    Hidden,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Ours,
    Theirs,
    Both,
}

/// See the table above.
pub(super) fn predict(ours: Side, theirs: AddressMapping, between: Between) -> Prediction {
    match between {
        Between::Direct => return Prediction::Direct(Why::Reached),
        Between::Hidden => return Prediction::Indirect(Why::Hidden),
        _ if ours.udp == Udp::Blocked => return Prediction::Indirect(Why::UdpBlocked),
        Between::SameRouter => return Prediction::Likely(Why::SameRouter),
        Between::Nothing => {}
    }
    match (ours.mapping, theirs) {
        (Untranslated, _) | (_, Untranslated) => Prediction::Direct(Why::OneIsUntranslated),
        (Independent, Independent) => Prediction::Direct(Why::BothCanBeTold),
        (Independent, Dependent) | (Dependent, Independent) => Prediction::Likely(Why::ManyPorts),
        (Dependent, Dependent) => Prediction::Indirect(Why::BothDependent),
        (Independent, _) | (_, Independent) => Prediction::Likely(Why::OneCanBeTold),
        (Dependent, _) => Prediction::Open(Missing::Theirs),
        (_, Dependent) => Prediction::Open(Missing::Ours),
        _ => Prediction::Open(Missing::Both),
    }
}

impl Prediction {
    /// What a program reads.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Direct(_) => "direct",
            Self::Likely(_) => "likely",
            Self::Indirect(_) => "indirect",
            Self::Open(_) => "unknown",
        }
    }
}

impl fmt::Display for Prediction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct(why) => write!(f, "a direct path will work: {why}"),
            Self::Likely(why) => write!(f, "a direct path will probably work: {why}"),
            Self::Indirect(why) => write!(f, "a direct path will not work: {why}"),
            Self::Open(missing) => write!(f, "whether a direct path will work is open: {missing}"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reached => "the peer was reached by UDP",
            Self::SameRouter => "both are seen at the same address, so they share a router",
            Self::OneIsUntranslated => {
                "the addresses of one side are not translated, so the other reaches it"
            }
            Self::BothCanBeTold => "each side has one address for all, which the other is told",
            Self::ManyPorts => {
                "one side has another port for each peer, so that many have to be tried: up to 15 s"
            }
            Self::OneCanBeTold => "one side has one address for all, which the other is told",
            Self::BothDependent => {
                "both sides have another port for each peer, so that neither can be told; a relay carries the session"
            }
            Self::UdpBlocked => "this network lets no UDP through",
            Self::Hidden => "the peer does not tell where it is; the session stays on the path it began on",
        })
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ours => {
                "how addresses are translated here is not known; give a second --via, on another host"
            }
            Self::Theirs => {
                "the peer does not know how its addresses are translated; it needs sessions with two members"
            }
            Self::Both => {
                "neither side knows how its addresses are translated; give a second --via, on another host"
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [AddressMapping; 4] = [
        Untranslated,
        Independent,
        Dependent,
        AddressMapping::Unknown,
    ];

    fn side(mapping: AddressMapping) -> Side {
        Side {
            mapping,
            udp: Udp::Works,
        }
    }

    #[test]
    fn the_table_of_kinds_is_as_it_says() {
        let names = |ours| KINDS.map(|theirs| predict(side(ours), theirs, Between::Nothing).name());
        let table = KINDS.map(names);
        assert_eq!(
            table,
            [
                ["direct", "direct", "direct", "direct"],
                ["direct", "direct", "likely", "likely"],
                ["direct", "likely", "indirect", "unknown"],
                ["direct", "likely", "unknown", "unknown"],
            ]
        );
    }

    #[test]
    fn both_sides_predict_the_same_but_for_who_is_to_learn_more() {
        for ours in KINDS {
            for theirs in KINDS {
                let here = predict(side(ours), theirs, Between::Nothing);
                let there = predict(side(theirs), ours, Between::Nothing);
                assert_eq!(here.name(), there.name(), "{ours:?} and {theirs:?}");
            }
        }
    }

    #[test]
    fn what_is_missing_is_said_of_the_side_that_misses_it() {
        let unknown = AddressMapping::Unknown;
        for (ours, theirs, missing) in [
            (Dependent, unknown, Missing::Theirs),
            (unknown, Dependent, Missing::Ours),
            (unknown, unknown, Missing::Both),
        ] {
            let predicted = predict(side(ours), theirs, Between::Nothing);
            assert_eq!(predicted, Prediction::Open(missing));
        }
    }

    #[test]
    fn what_is_seen_counts_more_than_kinds() {
        let blocked = Side {
            mapping: Untranslated,
            udp: Udp::Blocked,
        };
        let hopeless = side(Dependent);
        for (ours, between, expected) in [
            (hopeless, Between::Direct, Prediction::Direct(Why::Reached)),
            (blocked, Between::Direct, Prediction::Direct(Why::Reached)),
            (
                hopeless,
                Between::SameRouter,
                Prediction::Likely(Why::SameRouter),
            ),
            (
                blocked,
                Between::SameRouter,
                Prediction::Indirect(Why::UdpBlocked),
            ),
            (
                blocked,
                Between::Nothing,
                Prediction::Indirect(Why::UdpBlocked),
            ),
            (
                side(Untranslated),
                Between::Hidden,
                Prediction::Indirect(Why::Hidden),
            ),
        ] {
            assert_eq!(predict(ours, Dependent, between), expected);
        }
    }
}
