//! The sessions of a member: few enough to be looked through. Of those that its engine does not want,
//! the one not used for longest goes first, as in the service.

use super::Who;

/// With whom there is a session, and when each was last used.
#[derive(Debug, Default)]
pub(super) struct Pool {
    /// Apart from the times: they are what is searched.
    peers: Vec<Who>,
    used_us: Vec<u64>,
}

/// Sessions that a member keeps.
const MOST: usize = 128;

impl Pool {
    /// Whether there is a session with a member; if so it has just been used.
    pub(super) fn touch(&mut self, peer: Who, now_us: u64) -> bool {
        let Some(place) = self.place(peer) else {
            return false;
        };
        self.used_us[place] = now_us;
        true
    }

    /// Adds a session that was not there. The one that had to go for it is given back.
    pub(super) fn add(
        &mut self,
        peer: Who,
        now_us: u64,
        is_wanted: impl Fn(Who) -> bool,
    ) -> Option<Who> {
        let is_full = self.peers.len() >= MOST;
        let dropped = is_full.then(|| self.drop_one(now_us, is_wanted));
        self.peers.push(peer);
        self.used_us.push(now_us);
        dropped
    }

    fn drop_one(&mut self, now_us: u64, is_wanted: impl Fn(Who) -> bool) -> Who {
        loop {
            let places = 0..self.peers.len();
            let oldest = places.min_by_key(|place| self.used_us[*place]);
            let oldest = oldest.unwrap_or_default();
            // If all are wanted, the first that was looked at goes.
            if self.used_us[oldest] == now_us || !is_wanted(self.peers[oldest]) {
                return self.take(oldest);
            }
            self.used_us[oldest] = now_us;
        }
    }

    /// Whether there was a session.
    pub(super) fn remove(&mut self, peer: Who) -> bool {
        let place = self.place(peer);
        place.map(|place| self.take(place)).is_some()
    }

    /// With whom there are sessions.
    pub(super) fn peers(&self) -> &[Who] {
        &self.peers
    }

    fn place(&self, peer: Who) -> Option<usize> {
        self.peers.iter().position(|known| *known == peer)
    }

    fn take(&mut self, place: usize) -> Who {
        self.used_us.swap_remove(place);
        self.peers.swap_remove(place)
    }
}
