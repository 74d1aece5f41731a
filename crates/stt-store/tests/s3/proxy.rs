//! A proxy between the store and the server, which does what networks and servers do.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

/// What becomes of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// An answer of this status, and the server never hears of it.
    Answer(u16),
    /// No answer at all.
    Hang,
    /// So many bytes of the request go through, then the connection is gone.
    CutRequest(usize),
    /// The request goes through, and so many bytes of the answer.
    CutAnswer(usize),
}

#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    upstream: u16,
    fault: Fault,
    /// Every open connection, so that a fault begins at once.
    open: Vec<TcpStream>,
}

impl Proxy {
    pub(crate) fn start(upstream: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            upstream,
            fault: Fault::None,
            open: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || drop(serve(client, &shared)));
            }
        });
        Self { port, state }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn lead_to(&self, upstream: u16) {
        self.state.lock().upstream = upstream;
        self.set(Fault::None);
    }

    /// What happens from now on; connections that are open are closed.
    pub(crate) fn set(&self, fault: Fault) {
        let mut state = self.state.lock();
        state.fault = fault;
        for socket in state.open.drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

fn serve(mut client: TcpStream, state: &Mutex<State>) -> io::Result<()> {
    let (fault, upstream) = {
        let mut state = state.lock();
        state.open.push(client.try_clone()?);
        (state.fault, state.upstream)
    };
    match fault {
        Fault::Answer(status) => {
            let _ = client.read(&mut [0; 4096])?;
            write!(
                client,
                "HTTP/1.1 {status} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )?;
            // Closing with bytes unread would take the answer back.
            client.shutdown(Shutdown::Write)?;
            io::copy(&mut client, &mut io::sink()).map(drop)
        }
        Fault::Hang => {
            // Until somebody closes it.
            while client.read(&mut [0; 4096])? > 0 {}
            std::thread::sleep(Duration::from_millis(1));
            Ok(())
        }
        Fault::None => pass(&client, upstream, usize::MAX, usize::MAX),
        Fault::CutRequest(len) => pass(&client, upstream, len, usize::MAX),
        Fault::CutAnswer(len) => pass(&client, upstream, usize::MAX, len),
    }
}

/// Carries at most so many bytes there and back, and closes both when one of these is reached.
fn pass(client: &TcpStream, upstream: u16, there: usize, back: usize) -> io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", upstream))?;
    let (from_client, to_server) = (client.try_clone()?, server.try_clone()?);
    let asking = std::thread::spawn(move || carry(&from_client, &to_server, there));
    carry(&server, client, back);
    let _ = asking.join();
    Ok(())
}

fn carry(from: &TcpStream, mut to: &TcpStream, most: usize) {
    let mut limited = from.take(most as u64);
    let carried = io::copy(&mut limited, &mut to);
    if carried.is_ok_and(|carried| carried == most as u64) {
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
    let _ = to.shutdown(Shutdown::Write);
}
