//! The simulated network's byte streams, in the shape that a node takes.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
};

use stt::{BoxedStream, ByteListener, ByteStreams, Connecting};
use stt_sim::{Net, SimListener};

/// Those of one host.
pub struct Streams {
    net: Net,
    host: SocketAddr,
}

impl Streams {
    pub fn new(net: &Net, host: SocketAddr) -> Arc<Self> {
        let net = net.clone();
        Arc::new(Self { net, host })
    }
}

impl ByteStreams for Streams {
    fn listen(&self, address: SocketAddr) -> io::Result<Box<dyn ByteListener>> {
        Ok(Box::new(Listener(self.net.listen(address)?)))
    }

    fn connect(&self, address: SocketAddr) -> Connecting {
        let (net, host) = (self.net.clone(), self.host);
        Box::pin(async move {
            let stream = net.connect(host, address).await?;
            Ok(Box::new(stream) as BoxedStream)
        })
    }
}

struct Listener(SimListener);

impl ByteListener for Listener {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.0.local_addr())
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(BoxedStream, SocketAddr)>> {
        let accepted = self.0.poll_accept(cx);
        accepted.map_ok(|(stream, from)| (Box::new(stream) as BoxedStream, from))
    }
}
