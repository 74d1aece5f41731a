//! The sessions of a member: few enough to be looked through. Of those that its engine does not want,
//! the one not used for longest goes first, as in the service.

use super::MemberId;

/// With whom there is a session, and when each was last used.
#[derive(Debug, Default)]
pub(super) struct Pool {
    /// Apart from the times: they are what is searched.
    peers: Vec<MemberId>,
    used_us: Vec<u64>,
}

/// Sessions that a member keeps.
const MOST: usize = 128;

impl Pool {
    /// Whether there is a session with a member; if so it has just been used.
    pub(super) fn touch(&mut self, peer: MemberId, now_us: u64) -> bool {
        let Some(place) = self.place(peer) else {
            return false;
        };
        self.used_us[place] = now_us;
        true
    }

    /// Adds a session that was not there. The one that had to go for it is given back.
    pub(super) fn add(
        &mut self,
        peer: MemberId,
        now_us: u64,
        is_wanted: impl Fn(MemberId) -> bool,
    ) -> Option<MemberId> {
        let is_full = self.peers.len() >= MOST;
        let dropped = is_full.then(|| self.drop_one(now_us, is_wanted));
        self.peers.push(peer);
        self.used_us.push(now_us);
        dropped
    }

    fn drop_one(&mut self, now_us: u64, is_wanted: impl Fn(MemberId) -> bool) -> MemberId {
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

    pub(super) fn remove(&mut self, peer: MemberId) {
        if let Some(place) = self.place(peer) {
            self.take(place);
        }
    }

    /// With whom there are sessions.
    pub(super) fn peers(&self) -> &[MemberId] {
        &self.peers
    }

    fn place(&self, peer: MemberId) -> Option<usize> {
        self.peers.iter().position(|known| *known == peer)
    }

    fn take(&mut self, place: usize) -> MemberId {
        self.used_us.swap_remove(place);
        self.peers.swap_remove(place)
    }
}
