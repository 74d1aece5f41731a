//! The real command goes on moving bytes when one of its two hosts gets another address.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use stt_lab::{Host, Link};

use crate::lab;
use crate::transfer::moves_while;

/// At this rate a transfer takes some seconds, so that a move falls into it.
const RATE: u64 = 16_000_000;
const BYTES: usize = 12 << 20;

/// Waits until some bytes have come, lets `host` move, and says for how long at most nothing came.
fn longest_pause_of_a_move(host: &Host, came: &Path) -> Duration {
    let (started, mut last) = (Instant::now(), Instant::now());
    let (mut size, mut pause, mut has_moved) = (0, Duration::ZERO, false);
    while size < BYTES as u64 && started.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(20));
        let now = fs::metadata(came).unwrap().len();
        if now == size {
            continue;
        }
        if size > 0 {
            pause = pause.max(last.elapsed());
        }
        (size, last) = (now, Instant::now());
        if !has_moved && size > BYTES as u64 / 4 {
            host.uplink().change_address().unwrap();
            has_moved = true;
        }
    }
    assert!(has_moved, "it was over before the host moved");
    pause
}

/// Bytes go from `from` to `to`, and one of the two moves on the way.
fn moves_in_mid_transfer(who: &str, mover: impl Fn([&Host; 2]) -> &Host) {
    let Some(lab) = lab() else { return };
    let (from, to) = (
        lab.host_public("from").unwrap(),
        lab.host_public("to").unwrap(),
    );
    let link = Link::PERFECT
        .with_delay(Duration::from_millis(10))
        .with_rate(RATE, Duration::from_millis(50));
    from.uplink().shape(link, link).unwrap();
    let mut pause = Duration::ZERO;
    moves_while(&from, &to, BYTES, |came| {
        pause = longest_pause_of_a_move(mover([&from, &to]), came);
    });
    // The bound of three seconds is held in the simulator, where no other program takes time away.
    assert!(pause < Duration::from_secs(10), "{who} moved: {pause:?}");
}

#[test]
fn dialler_moves_in_mid_transfer() {
    moves_in_mid_transfer("the dialler", |[from, _]| from);
}

#[test]
fn acceptor_moves_in_mid_transfer() {
    moves_in_mid_transfer("the acceptor", |[_, to]| to);
}
