//! Which of several paths is the best.
//!
//! Direct before relayed, UDP before a tunnel, and among equals the shorter round trip. A path in
//! use is left for an equal one only if that is clearly shorter: two that are nearly the same would
//! take turns with each measurement.

use std::time::Duration;

use noq_proto::PathId;

use crate::transport::link::PathKind;

/// A path that may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) id: PathId,
    pub(super) rank: Rank,
    pub(super) round_trip: Duration,
}

/// Kinds of paths, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Udp,
    Tunnel,
    Relay,
}

impl Rank {
    pub(super) fn of(kind: PathKind) -> Self {
        match kind {
            PathKind::Udp => Self::Udp,
            PathKind::WebSocket => Self::Tunnel,
            PathKind::Relay => Self::Relay,
        }
    }
}

/// The best one, `current` if none is clearly better; `None` if there is none at all.
pub(super) fn choose(candidates: &[Candidate], current: PathId) -> Option<PathId> {
    let best = candidates
        .iter()
        .min_by_key(|candidate| (candidate.rank, candidate.round_trip))?;
    let in_use = candidates.iter().find(|candidate| candidate.id == current);
    match in_use {
        Some(in_use) if !is_clearly_better(best, in_use) => Some(current),
        _ => Some(best.id),
    }
}

fn is_clearly_better(best: &Candidate, in_use: &Candidate) -> bool {
    match best.rank.cmp(&in_use.rank) {
        std::cmp::Ordering::Less => true,
        std::cmp::Ordering::Greater => false,
        std::cmp::Ordering::Equal => {
            let shorter = in_use.round_trip.saturating_sub(best.round_trip);
            shorter > CLEARLY && shorter > in_use.round_trip / 4
        }
    }
}

/// A gain of less is noise.
const CLEARLY: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn path(id: u32, rank: Rank, round_trip: u64) -> Candidate {
        Candidate {
            id: PathId::from(id),
            rank,
            round_trip: Duration::from_millis(round_trip),
        }
    }

    fn chosen(candidates: &[Candidate], current: u32) -> Option<u32> {
        choose(candidates, PathId::from(current)).map(crate::transport::crypto::path_number)
    }

    #[test]
    fn udp_is_chosen_before_a_tunnel_even_if_it_is_slower() {
        let paths = [path(0, Rank::Tunnel, 10), path(1, Rank::Udp, 90)];
        assert_eq!(chosen(&paths, 0), Some(1));
    }

    #[test]
    fn any_other_way_is_chosen_before_a_relay() {
        let paths = [path(0, Rank::Relay, 5), path(1, Rank::Tunnel, 90)];
        assert_eq!(chosen(&paths, 0), Some(1));
    }

    #[test]
    fn a_path_in_use_is_kept_unless_another_is_clearly_shorter() {
        let paths = [path(0, Rank::Udp, 50), path(1, Rank::Udp, 46)];
        assert_eq!(chosen(&paths, 0), Some(0));
        let paths = [path(0, Rank::Udp, 50), path(1, Rank::Udp, 30)];
        assert_eq!(chosen(&paths, 0), Some(1));
        let paths = [path(0, Rank::Udp, 6), path(1, Rank::Udp, 2)];
        assert_eq!(chosen(&paths, 0), Some(0));
    }

    #[test]
    fn when_the_path_in_use_is_gone_the_best_of_the_rest_is_chosen() {
        let paths = [path(1, Rank::Tunnel, 5), path(3, Rank::Udp, 80)];
        assert_eq!(chosen(&paths, 0), Some(3));
        assert_eq!(chosen(&[], 0), None);
    }
}
