//! A router that opens ports for hosts which ask for them, by NAT-PMP (RFC 6886).
//!
//! For NATs of the kernel: what was granted is a rule before those of the NAT. A port once granted is not
//! given to another host.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::error::{Attempt, LabError};
use crate::namespace::Namespace;
use crate::tools::nft;

/// The port of NAT-PMP.
const PORT: u16 = 5_351;
/// How soon it notices that it is to end.
const GLANCE: Duration = Duration::from_millis(50);
const OF_RESPONSES: u8 = 128;
const MAP_UDP: u8 = 1;
const UNSUPPORTED_VERSION: u16 = 1;
const NOT_AUTHORISED: u16 = 2;

/// Grants ports until it is dropped.
#[derive(Debug)]
pub struct PortGrants {
    open: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl PortGrants {
    pub(crate) fn start(
        namespace: &Namespace,
        gateway: Ipv4Addr,
        external: Ipv4Addr,
    ) -> Result<Self, LabError> {
        let bind = || {
            let socket = UdpSocket::bind((gateway, PORT))?;
            socket.set_read_timeout(Some(GLANCE))?;
            Ok::<_, std::io::Error>(socket)
        };
        let socket = namespace.enter(bind)?.attempt("listen for NAT-PMP")?;
        let (open, stop) = <(Arc<AtomicUsize>, Arc<AtomicBool>)>::default();
        let mut router = Router {
            open: open.clone(),
            namespace: namespace.name().to_owned(),
            external,
            granted: BTreeMap::new(),
        };
        let until = stop.clone();
        let thread = namespace.spawn(move || {
            let mut request = [0; 1_100];
            while !until.load(Relaxed) {
                let Ok((len, from)) = socket.recv_from(&mut request) else {
                    continue;
                };
                let before = router.granted.clone();
                if let Some(answer) = router.answer(&request[..len], from) {
                    let _ = socket.send_to(&answer, from);
                }
                // After the answer, for which nobody waits longer than half a second.
                if router.granted != before {
                    router.open_ports();
                }
            }
        })?;
        Ok(Self {
            open,
            stop,
            thread: Some(thread),
        })
    }

    /// How many ports are open.
    pub fn open(&self) -> usize {
        self.open.load(Relaxed)
    }
}

impl Drop for PortGrants {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Router {
    open: Arc<AtomicUsize>,
    namespace: String,
    external: Ipv4Addr,
    /// Whose the ports are, by the port outside.
    granted: BTreeMap<u16, (Ipv4Addr, u16)>,
}

impl Router {
    fn answer(&mut self, request: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
        let IpAddr::V4(host) = from.ip() else {
            return None;
        };
        let [version, operation, rest @ ..] = request else {
            return None;
        };
        match (version, operation, rest) {
            (0, 0, []) => Some([&header(0, 0)[..], &self.external.octets()].concat()),
            (0, &MAP_UDP, &[_, _, inner, inner_low, outer, outer_low, a, b, c, d]) => {
                let inside = u16::from_be_bytes([inner, inner_low]);
                let wanted = u16::from_be_bytes([outer, outer_low]);
                let seconds = u32::from_be_bytes([a, b, c, d]);
                let granted = self.map((host, inside), wanted, seconds);
                let result = if granted.is_some() { 0 } else { NOT_AUTHORISED };
                let mut answer = header(MAP_UDP, result);
                answer.extend(inside.to_be_bytes());
                answer.extend(granted.unwrap_or(0).to_be_bytes());
                answer.extend(seconds.to_be_bytes());
                Some(answer)
            }
            (0, ..) => None,
            _ => Some(header(*operation, UNSUPPORTED_VERSION)),
        }
    }

    fn map(&mut self, host: (Ipv4Addr, u16), wanted: u16, seconds: u32) -> Option<u16> {
        self.granted.retain(|_, holder| *holder != host);
        let is_wanted = wanted > 1_023 && !self.granted.contains_key(&wanted);
        let port = if is_wanted { wanted } else { host.1 };
        if seconds > 0 {
            if self.granted.contains_key(&port) {
                return None;
            }
            self.granted.insert(port, host);
        }
        Some(port)
    }

    fn open_ports(&self) {
        if nft(&self.namespace, &self.rules()).is_ok() {
            self.open.store(self.granted.len(), Relaxed);
        }
    }

    fn rules(&self) -> String {
        let rule = |(port, (host, inside)): (&u16, &(Ipv4Addr, u16))| {
            format!("iifname wan udp dport {port} dnat to {host}:{inside}\n")
        };
        let rules: String = self.granted.iter().map(rule).collect();
        format!(
            "table ip granted\ndelete table ip granted\ntable ip granted {{
               chain in {{ type nat hook prerouting priority dstnat - 1
               {rules} }}\n}}\n"
        )
    }
}

/// The beginning of an answer; the time since it began is nobody's business here.
fn header(operation: u8, result: u16) -> Vec<u8> {
    let [high, low] = result.to_be_bytes();
    vec![0, operation | OF_RESPONSES, high, low, 0, 0, 0, 1]
}
