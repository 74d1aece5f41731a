//! Byte streams: order, time, stalls, cuts and ends.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::{future::poll_fn, io::ErrorKind, net::SocketAddr, time::Duration};

use stt_sim::{Link, Net, Sim, SimStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn at(host: u8) -> SocketAddr {
    ([10, 0, 0, host], 7).into()
}

fn world(link: Link) -> (Sim, Net) {
    let sim = Sim::new(1);
    let net = Net::new(&sim, link);
    (sim, net)
}

async fn pair(net: &Net) -> (SimStream, SimStream) {
    let mut listener = net.listen(at(1)).unwrap();
    let connecting = net.connect(at(2), at(1));
    let accepting = poll_fn(|cx| listener.poll_accept(cx));
    let (near, far) = futures_util::future::join(connecting, accepting).await;
    (near.unwrap(), far.unwrap().0)
}

async fn move_bytes(sim: &Sim, mut from: SimStream, mut to: SimStream, len: usize) -> Duration {
    let bytes: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
    let expected = bytes.clone();
    let before = sim.elapsed();
    let writing = sim.spawn(async move {
        from.write_all(&bytes).await.unwrap();
        from.shutdown().await.unwrap();
        from
    });
    let mut read = Vec::new();
    to.read_to_end(&mut read).await.unwrap();
    assert!(read == expected);
    drop(writing.await);
    sim.elapsed().saturating_sub(before)
}

#[test]
fn bytes_arrive_in_order_and_take_the_time_of_the_link() {
    let (sim, net) = world(Link::wan());
    let took = sim.block_on(async {
        let (near, far) = pair(&net).await;
        assert_eq!(sim.elapsed().as_millis(), 50, "a round trip");
        move_bytes(&sim, near, far, 1 << 20).await
    });
    // 1 MiB at 100 Mbit/s takes 84 ms, and then 25 ms; the window adds waiting.
    assert!(took > Duration::from_millis(109), "{took:?}");
    assert!(took < Duration::from_millis(300), "{took:?}");
}

#[test]
fn what_is_lost_comes_late_and_holds_up_what_follows() {
    let [clean, lossy] = [Link::wan(), Link::lossy(0.05)].map(|link| {
        let (sim, net) = world(link);
        sim.block_on(async {
            let (near, far) = pair(&net).await;
            move_bytes(&sim, near, far, 1 << 20).await
        })
    });
    assert!(lossy > 2 * clean, "{lossy:?} {clean:?}");
}

#[test]
fn a_partition_stalls_a_stream_and_loses_nothing() {
    let (sim, net) = world(Link::wan());
    sim.block_on(async {
        let (near, far) = pair(&net).await;
        net.partition(at(1), at(2));
        let (clock, link) = (sim.clone(), net.clone());
        drop(sim.spawn(async move {
            clock.sleep(Duration::from_secs(30)).await;
            link.heal(at(1), at(2));
        }));
        let took = move_bytes(&sim, near, far, 10_000).await;
        assert!(took > Duration::from_secs(30), "{took:?}");
        assert!(took < Duration::from_secs(31), "{took:?}");
    });
}

#[test]
fn a_cut_is_told_to_both_ends_and_a_writer_waits_at_the_window() {
    let (sim, net) = world(Link::lan());
    sim.block_on(async {
        let (mut near, mut far) = pair(&net).await;
        let bytes = vec![0; 1 << 20];
        let written = sim.timeout(Duration::from_secs(9), near.write_all(&bytes));
        assert!(written.await.is_err(), "nobody reads");
        net.reset(at(1), at(2));
        let error = near.write_all(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        let error = far.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn nobody_there_refuses_and_an_end_that_is_dropped_is_an_end() {
    let (sim, net) = world(Link::lan());
    sim.block_on(async {
        let refused = net.connect(at(2), at(9)).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let (near, mut far) = pair(&net).await;
        drop(near);
        assert_eq!(far.read(&mut [0]).await.unwrap(), 0);
        let error = far.write_all(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}
