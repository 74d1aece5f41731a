//! What goes in and out of a host, on all its interfaces, as its kernel hands it over.

mod packet;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::net::sockopt::{self, Timeout};
use rustix::net::{AddressFamily, RecvFlags, SocketType, eth, recv, socket};

use crate::error::{Attempt, LabError};
use crate::namespace::Namespace;

pub use packet::{Packet, Transport};

/// How often the reader looks whether it shall end.
const GLANCE: Duration = Duration::from_millis(50);
const LARGEST: usize = 1 << 17;
/// Bytes kept for us by the kernel while we are busy.
const KERNEL_BUFFER: usize = 32 << 20;

/// A running capture. Dropping it ends it.
///
/// Kernels hand many segments or datagrams of one flow over as one packet, on the way out and on
/// the way in; so a payload may be several of the wire's. What a host sends to itself is seen twice.
#[derive(Debug)]
pub struct Capture {
    shared: Arc<Shared>,
    reader: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    kept: Mutex<Kept>,
    limit: usize,
    is_over: AtomicBool,
}

#[derive(Debug, Default)]
struct Kept {
    packets: Vec<Packet>,
    bytes: usize,
    is_cut_short: bool,
}

impl Capture {
    /// Starts to keep what passes, up to `limit` bytes; what comes after that is not kept.
    pub(crate) fn start(namespace: &Namespace, limit: usize) -> Result<Self, LabError> {
        let action = format!("capture in {}", namespace.name());
        let socket = namespace.enter(open)?.attempt(action)?;
        let shared = Arc::new(Shared {
            kept: Mutex::default(),
            limit,
            is_over: AtomicBool::new(false),
        });
        let reading = shared.clone();
        Ok(Self {
            shared,
            reader: Some(thread::spawn(move || reading.read(&socket))),
        })
    }

    /// What has been kept so far, in order.
    pub fn packets(&self) -> Vec<Packet> {
        self.shared.lock().packets.clone()
    }

    /// Whether there was more than the limit, so that the rest is missing.
    pub fn is_cut_short(&self) -> bool {
        self.shared.lock().is_cut_short
    }

    /// Whether some packet's payload contains these bytes.
    pub fn contains(&self, bytes: &[u8]) -> bool {
        let kept = self.shared.lock();
        let mut payloads = kept.packets.iter().filter_map(Packet::payload);
        payloads.any(|payload| payload.windows(bytes.len()).any(|window| window == bytes))
    }

    /// Writes what has been kept to a file that Wireshark reads.
    ///
    /// # Errors
    /// [`LabError::Io`], if the file cannot be written.
    pub fn write_pcap(&self, path: &Path) -> Result<(), LabError> {
        let packets = self.packets();
        pcap(path, &packets).attempt(format!("write {}", path.display()))
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

/// A socket that hears everything in the namespace of the calling thread, without link headers.
fn open() -> io::Result<OwnedFd> {
    let socket = socket(AddressFamily::PACKET, SocketType::DGRAM, Some(eth::ALL))?;
    sockopt::set_socket_timeout(&socket, Timeout::Recv, Some(GLANCE))?;
    sockopt::set_socket_recv_buffer_size_force(&socket, KERNEL_BUFFER)?;
    Ok(socket)
}

impl Shared {
    fn read(&self, socket: &OwnedFd) {
        let mut buffer = vec![0; LARGEST];
        while !self.is_over.load(Ordering::Relaxed) {
            // Nothing within a glance is an error too; so is an interface that goes down.
            if let Ok((len, _)) = recv(socket, &mut buffer[..], RecvFlags::empty()) {
                self.keep(&buffer[..len]);
            }
        }
    }

    fn keep(&self, bytes: &[u8]) {
        let mut kept = self.lock();
        kept.bytes += bytes.len();
        if kept.bytes > self.limit {
            kept.is_cut_short = true;
        } else {
            kept.packets.push(Packet::new(SystemTime::now(), bytes));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The classic format: magic, version 2.4, no zone, no accuracy, largest packet, raw IP.
fn pcap(path: &Path, packets: &[Packet]) -> io::Result<()> {
    const RAW_IP: u32 = 101;
    const VERSION: u32 = 4 << 16 | 2;
    let mut file = BufWriter::new(File::create(path)?);
    let largest = u32::try_from(LARGEST).unwrap_or(u32::MAX);
    let mut words = |words: &[u32], bytes: &[u8]| {
        for word in words {
            file.write_all(&word.to_ne_bytes())?;
        }
        file.write_all(bytes)
    };
    words(&[0xA1B2_C3D4, VERSION, 0, 0, largest, RAW_IP], &[])?;
    for packet in packets {
        let since = packet.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let len = u32::try_from(packet.bytes.len()).unwrap_or(u32::MAX);
        words(
            &[since.as_secs() as u32, since.subsec_micros(), len, len],
            &packet.bytes,
        )?;
    }
    file.flush()
}
