//! Packets that wait to leave by the sockets: within a bound for each who queues, and one for all.
//!
//! What comes fast to one place is sent in one go. Only a kernel whose buffers are full makes packets
//! wait here; a WebSocket that takes nothing has a queue of its own, which drops.
//!
//! spec: RELAY-26

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::transport::link::{Courier, Link, Way};

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Departures {
    waiting: Mutex<Waiting>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    packets: VecDeque<Departing>,
    bytes: usize,
}

#[derive(Debug)]
struct Departing {
    way: Way,
    packet: Bytes,
    share: Share,
}

/// Bytes that wait for one who queues.
#[derive(Debug, Clone, Default)]
pub(super) struct Share(Arc<AtomicUsize>);

impl Departures {
    /// Queues a packet, or drops it where there is no room.
    pub(super) fn push(&self, way: Way, packet: Bytes, share: &Share) {
        let cost = cost(&packet);
        {
            let mut waiting = self.waiting.lock();
            let of_share = share.0.load(Relaxed);
            if of_share + cost > SHARE_BYTES || waiting.bytes + cost > ALL_BYTES {
                return;
            }
            share.0.store(of_share + cost, Relaxed);
            waiting.bytes += cost;
            waiting.packets.push_back(Departing {
                way,
                packet,
                share: share.clone(),
            });
        }
        self.filled.notify_one();
    }

    /// Sends what waits, for as long as this is polled.
    pub(super) async fn run(&self, link: &Arc<Link>) {
        let mut courier = Courier::new(link);
        let most = courier.max_segments();
        let mut joined = BytesMut::new();
        loop {
            let Some((way, packet)) = self.next(most, &mut joined) else {
                self.filled.notified().await;
                continue;
            };
            if joined.is_empty() {
                courier.send(&way, &packet, packet.len()).await;
            } else {
                courier.send(&way, &joined, packet.len()).await;
                joined.clear();
            }
        }
    }

    /// The next packet. Those behind it that go the same way, and are not longer, are joined with it.
    fn next(&self, most: usize, joined: &mut BytesMut) -> Option<(Way, Bytes)> {
        let mut waiting = self.waiting.lock();
        let (way, first) = waiting.pop()?;
        let mut count = 1;
        let mut last = first.len();
        while count < most && last == first.len() {
            let Some(next) = waiting.packets.front() else {
                break;
            };
            let bytes = joined.len().max(first.len()) + next.packet.len();
            if next.way != way || next.packet.len() > last || bytes > MAX_JOINED {
                break;
            }
            let Some((_, packet)) = waiting.pop() else {
                break;
            };
            if joined.is_empty() {
                joined.extend_from_slice(&first);
            }
            joined.extend_from_slice(&packet);
            last = packet.len();
            count += 1;
        }
        Some((way, first))
    }
}

impl Waiting {
    fn pop(&mut self) -> Option<(Way, Bytes)> {
        let Departing { way, packet, share } = self.packets.pop_front()?;
        let cost = cost(&packet);
        self.bytes -= cost;
        share.0.fetch_sub(cost, Relaxed);
        Some((way, packet))
    }
}

/// Tiny ones cost memory too.
fn cost(packet: &Bytes) -> usize {
    packet.len() + 128
}

const SHARE_BYTES: usize = 256 << 10;
const ALL_BYTES: usize = 16 << 20;

/// The longest UDP payload.
const MAX_JOINED: usize = 65_507;

#[cfg(test)]
mod tests {
    use super::*;

    fn way(port: u16) -> Way {
        Way {
            remote: ([192, 0, 2, 1], port).into(),
            local: None,
        }
    }

    fn packet(len: usize) -> Bytes {
        vec![7; len].into()
    }

    /// Port, bytes of the first, bytes sent in one go.
    fn sent(departures: &Departures) -> Vec<(u16, usize, usize)> {
        let mut joined = BytesMut::new();
        let mut sent = Vec::new();
        while let Some((way, first)) = departures.next(4, &mut joined) {
            sent.push((
                way.remote.port(),
                first.len(),
                joined.len().max(first.len()),
            ));
            joined.clear();
        }
        sent
    }

    #[test]
    fn packets_of_one_length_to_one_place_leave_together_in_their_order() {
        let (departures, share) = (Departures::default(), Share::default());
        for (port, len) in [(1, 100), (1, 100), (1, 60), (1, 100), (2, 100), (2, 120)] {
            departures.push(way(port), packet(len), &share);
        }
        let expected = [(1, 100, 260), (1, 100, 100), (2, 100, 100), (2, 120, 120)];
        assert_eq!(sent(&departures), expected);
        for _ in 0..6 {
            departures.push(way(1), packet(100), &share);
        }
        assert_eq!(sent(&departures), [(1, 100, 400), (1, 100, 200)]);
        assert_eq!(share.0.load(Relaxed), 0);
    }

    #[test]
    fn who_queues_too_much_loses_it_and_others_do_not() {
        let (departures, flood) = (Departures::default(), Share::default());
        for _ in 0..1_000 {
            departures.push(way(1), packet(1_200), &flood);
        }
        assert!(departures.waiting.lock().bytes <= SHARE_BYTES);
        departures.push(way(2), packet(1_200), &Share::default());
        assert_eq!(sent(&departures).last(), Some(&(2, 1_200, 1_200)));
    }
}
