//! A node behind a reverse proxy: others find it by the URL that it announces, where they have met it.
//!
//! Real sockets, for names are looked up by the real system. The node has only IPv6 sockets and its peer
//! only IPv4 ones, so that they meet by a forwarder of datagrams, which can be cut, and by the proxy.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::{
    io,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use stt::{Group, Node, PathKind, Session, StartError, SystemEntropy, Target, UrlError};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream, UdpSocket},
    time::{sleep, timeout},
};

const PATIENCE: Duration = Duration::from_secs(20);

fn any(host: &str) -> SocketAddr {
    format!("{host}:0").parse().unwrap()
}

/// Carries datagrams of one peer to a node, until it is cut.
async fn forwarder(host: &str, to: SocketAddr) -> (SocketAddr, Arc<AtomicBool>) {
    let near = UdpSocket::bind(any(host)).await.unwrap();
    let far = UdpSocket::bind(any("[::1]")).await.unwrap();
    far.connect(to).await.unwrap();
    let (address, is_cut) = (near.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
    let cut = Arc::clone(&is_cut);
    tokio::spawn(async move {
        let (mut there, mut back) = ([0; 2_048], [0; 2_048]);
        let mut peer = None;
        loop {
            tokio::select! {
                Ok((len, from)) = near.recv_from(&mut there) => {
                    peer = Some(from);
                    if !cut.load(SeqCst) {
                        let _ = far.send(&there[..len]).await;
                    }
                }
                Ok(len) = far.recv(&mut back) => {
                    if let Some(peer) = peer.filter(|_| !cut.load(SeqCst)) {
                        let _ = near.send_to(&back[..len], peer).await;
                    }
                }
            }
        }
    });
    (address, is_cut)
}

/// A reverse proxy that forwards what is below `/stt/`, and counts who comes.
struct Proxy {
    port: u16,
    came: Arc<AtomicUsize>,
}

impl Proxy {
    async fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind(any("127.0.0.1")).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let came = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&came);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, SeqCst);
                tokio::spawn(Self::forward(stream, to));
            }
        });
        Self { port, came }
    }

    async fn forward(mut stream: TcpStream, to: SocketAddr) -> io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        let head = String::from_utf8(head).unwrap();
        let Some(head) = head.strip_prefix("GET /stt/") else {
            return stream.write_all(b"HTTP/1.1 404 Not Found\r\n\r\n").await;
        };
        let mut node = TcpStream::connect(to).await?;
        node.write_all(format!("GET /{head}").as_bytes()).await?;
        copy_bidirectional(&mut stream, &mut node).await?;
        Ok(())
    }
}

/// The same by nginx.
struct Nginx {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Nginx {
    async fn start(program: &Path, to: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let free = TcpListener::bind(any("127.0.0.1")).await.unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, Self::configuration(folder.path(), port, to)).unwrap();
        let child = Command::new(program)
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let nginx = Self {
            child,
            port,
            _folder: folder,
        };
        let up = async {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, up).await.unwrap();
        nginx
    }

    fn configuration(folder: &Path, port: u16, to: SocketAddr) -> String {
        let folder = folder.display();
        let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary = kinds.map(|kind| format!("{kind}_temp_path {folder}/{kind};"));
        let temporary = temporary.join("\n");
        format!(
            "daemon off; master_process off; pid {folder}/pid; error_log {folder}/errors;
             events {{}}
             http {{
                 access_log off;
                 {temporary}
                 server {{
                     listen 127.0.0.1:{port};
                     location /stt/ {{
                         proxy_pass http://{to}/;
                         proxy_http_version 1.1;
                         proxy_set_header Upgrade $http_upgrade;
                         proxy_set_header Connection \"upgrade\";
                         proxy_buffering off;
                     }}
                 }}
             }}"
        )
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A node that announces a URL, and a peer of it that dials by UDP alone.
struct Pair {
    node: Node,
    near: Session,
    is_cut: Arc<AtomicBool>,
    _peer: Node,
}

impl Pair {
    /// The peer meets the node at a forwarder on this host.
    async fn meet(node: Node, group: Group, host: &str) -> Self {
        let (address, is_cut) = forwarder(host, node.local_addresses()[0]).await;
        let peer = Node::builder(group)
            .bind(any("127.0.0.1"))
            .start()
            .await
            .unwrap();
        let near = peer.connect(address).await.unwrap();
        let told = async {
            while near.peer_network().is_none() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, told).await.unwrap();
        Self {
            node,
            near,
            is_cut,
            _peer: peer,
        }
    }

    /// A message arrives although nothing goes by UDP any more.
    async fn goes_on_after_a_cut(&self) {
        self.is_cut.store(true, SeqCst);
        self.near.send_on_stream(1, "after the cut").await.unwrap();
        let mut messages = self.node.receive();
        let came = timeout(PATIENCE, messages.next()).await;
        assert_eq!(came.unwrap().unwrap().data, "after the cut");
        assert_eq!(self.near.stats().path.kind, PathKind::WebSocket);
    }
}

/// A node whose WebSocket listener is known, so that a proxy to it can be started, and then is told of it.
async fn node(group: &Group, port: u16, listener: SocketAddr) -> Node {
    let builder = Node::builder(group.clone()).bind(any("[::1]"));
    let builder = builder.listen_ws(listener);
    let url = format!("ws://localhost:{port}/stt");
    builder.announce_ws(url).start().await.unwrap()
}

async fn free_port() -> SocketAddr {
    let free = TcpListener::bind(any("[::1]")).await.unwrap();
    free.local_addr().unwrap()
}

#[tokio::test]
async fn what_a_node_announces_leads_to_it_when_nothing_else_does() {
    let group = Group::generate(&mut SystemEntropy);
    let listener = free_port().await;
    let proxy = Proxy::start(listener).await;
    let node = node(&group, proxy.port, listener).await;
    let pair = Pair::meet(node, group, "127.0.0.1").await;
    assert_eq!(proxy.came.load(SeqCst), 0);
    pair.goes_on_after_a_cut().await;
    assert!(proxy.came.load(SeqCst) > 0);
}

#[tokio::test]
async fn what_a_node_announces_leads_to_it_through_nginx() {
    let group = Group::generate(&mut SystemEntropy);
    let listener = free_port().await;
    let Some(program) = stt_interop::nginx_or_skip().unwrap() else {
        return;
    };
    let nginx = Nginx::start(&program, listener).await;
    let node = node(&group, nginx.port, listener).await;
    let by_url = Target::ws(format!("ws://127.0.0.1:{}/stt", nginx.port));
    let dialler = Node::builder(group.clone())
        .bind(any("127.0.0.1"))
        .start()
        .await
        .unwrap();
    let session = dialler.connect(by_url).await.unwrap();
    session.close().await.unwrap();
    let pair = Pair::meet(node, group, "127.0.0.1").await;
    pair.goes_on_after_a_cut().await;
}

#[tokio::test]
async fn nobody_is_sent_to_a_host_by_a_peer_that_was_not_met_there() {
    let group = Group::generate(&mut SystemEntropy);
    let listener = free_port().await;
    let victim = Proxy::start(listener).await;
    let node = node(&group, victim.port, listener).await;
    let pair = Pair::meet(node, group, "127.0.0.2").await;
    pair.is_cut.store(true, SeqCst);
    pair.near.send_on_stream(1, "lost").await.unwrap();
    sleep(Duration::from_secs(4)).await;
    assert_eq!(victim.came.load(SeqCst), 0);
}

#[tokio::test]
async fn what_is_no_url_is_not_announced() {
    let long = format!("wss://a.example/{}", "x".repeat(300));
    for (url, expected) in [
        ("https://a.example", UrlError::Scheme),
        ("wss://", UrlError::Host),
        (&*long, UrlError::Length),
    ] {
        let builder = Node::builder(Group::generate(&mut SystemEntropy));
        let refused = builder
            .bind(any("127.0.0.1"))
            .announce_ws(url)
            .start()
            .await;
        let Err(StartError::Announce { reason, .. }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(reason, expected, "{url}");
    }
}
