//! The engine's congestion control, which is also the one place that hears what the peer has
//! acknowledged.
//!
//! Nothing is decided here: every question is handed on, and one number noted.

use std::{
    any::Any,
    sync::Arc,
    time::{Duration, Instant},
};

use noq::{
    Connection,
    congestion::{Controller, ControllerFactory, ControllerMetrics, CubicConfig},
};
use noq_proto::{PathId, RttEstimator};

/// Makes a controller for each path.
#[derive(Debug)]
pub(super) struct WatchedCubic(pub(super) Arc<CubicConfig>);

impl ControllerFactory for WatchedCubic {
    fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
        Box::new(Watched {
            inner: Arc::clone(&self.0).build(now, current_mtu),
            newest_acknowledged: None,
        })
    }
}

/// The newest packet of ours on a path that the peer has acknowledged, by its number; `None` if
/// none is known, as right after the peer moved.
pub(crate) fn newest_acknowledged(connection: &Connection, path: PathId) -> Option<u64> {
    let state = connection.congestion_state(path)?;
    let watched = state.into_any().downcast::<Watched>().ok()?;
    watched.newest_acknowledged
}

#[derive(Debug)]
struct Watched {
    inner: Box<dyn Controller>,
    newest_acknowledged: Option<u64>,
}

impl Controller for Watched {
    fn on_end_acks(
        &mut self,
        now: Instant,
        in_flight: u64,
        app_limited: bool,
        largest_packet_num_acked: Option<u64>,
    ) {
        self.newest_acknowledged = largest_packet_num_acked;
        self.inner
            .on_end_acks(now, in_flight, app_limited, largest_packet_num_acked);
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(Self {
            inner: self.inner.clone_box(),
            newest_acknowledged: self.newest_acknowledged,
        })
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn on_sent(&mut self, now: Instant, bytes: u64, largest_pn: u64) {
        self.inner.on_sent(now, bytes, largest_pn);
    }

    fn on_packet_sent(&mut self, now: Instant, bytes: u16, pn: u64) {
        self.inner.on_packet_sent(now, bytes, pn);
    }

    fn on_cwnd_limited(&mut self) {
        self.inner.on_cwnd_limited();
    }

    fn on_ack(
        &mut self,
        now: Instant,
        sent: Instant,
        bytes: u64,
        pn: u64,
        app_limited: bool,
        rtt: &RttEstimator,
    ) {
        self.inner.on_ack(now, sent, bytes, pn, app_limited, rtt);
    }

    fn on_congestion_event(
        &mut self,
        now: Instant,
        sent: Instant,
        is_persistent_congestion: bool,
        is_ecn: bool,
        lost_bytes: u64,
        largest_lost_pn: u64,
    ) {
        self.inner.on_congestion_event(
            now,
            sent,
            is_persistent_congestion,
            is_ecn,
            lost_bytes,
            largest_lost_pn,
        );
    }

    fn on_packet_lost(&mut self, lost_bytes: u16, pn: u64, now: Instant) {
        self.inner.on_packet_lost(lost_bytes, pn, now);
    }

    fn on_spurious_congestion_event(&mut self) {
        self.inner.on_spurious_congestion_event();
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.inner.on_mtu_update(new_mtu);
    }

    fn on_ack_frequency_update(&mut self, threshold: u64, requested_max_ack_delay: Duration) {
        self.inner
            .on_ack_frequency_update(threshold, requested_max_ack_delay);
    }

    fn window(&self) -> u64 {
        self.inner.window()
    }

    fn metrics(&self) -> ControllerMetrics {
        self.inner.metrics()
    }

    fn initial_window(&self) -> u64 {
        self.inner.initial_window()
    }
}
