//! Bare sockets: send, receive, and see when.

use std::{
    future::poll_fn,
    io::IoSliceMut,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use noq::{AsyncUdpSocket, udp};
use stt_sim::{Link, Net, Sim};

pub(crate) const A: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 1);
pub(crate) const B: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 2);

pub(crate) fn world(link: Link) -> (Sim, Net) {
    let sim = Sim::new(1);
    let net = Net::new(&sim, link);
    (sim, net)
}

pub(crate) async fn send(
    socket: &dyn AsyncUdpSocket,
    to: SocketAddr,
    contents: &[u8],
    segment: Option<usize>,
) {
    let transmit = udp::Transmit {
        destination: to,
        ecn: Some(udp::EcnCodepoint::Ect0),
        contents,
        segment_size: segment,
        src_ip: None,
    };
    let mut sender = socket.create_sender();
    poll_fn(|cx| sender.as_mut().poll_send(&transmit, cx))
        .await
        .unwrap();
}

/// One poll's worth of packets, for up to `room` buffers.
pub(crate) async fn receive(
    socket: &mut dyn AsyncUdpSocket,
    room: usize,
) -> Vec<(Vec<u8>, udp::RecvMeta)> {
    let mut buffers = vec![vec![0; 2048]; room];
    let mut metas = vec![udp::RecvMeta::default(); room];
    let count = poll_fn(|cx| {
        let mut slices: Vec<_> = buffers
            .iter_mut()
            .map(|buffer| IoSliceMut::new(buffer))
            .collect();
        socket.poll_recv(cx, &mut slices, &mut metas)
    })
    .await
    .unwrap();
    buffers
        .iter()
        .zip(metas)
        .take(count)
        .map(|(b, m)| (b[..m.len].to_vec(), m))
        .collect()
}
