//! `stt forward`: two processes of the command between a program and its target.

mod bytes;
mod ends;
mod hostile;
mod reach;
mod shown;
mod stop;
mod ways;

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::command::{Place, Running};

/// Both sides of a forward.
pub(crate) struct Forward {
    pub(crate) serving: Running,
    /// Where the serving side is.
    pub(crate) peer: String,
    pub(crate) local: Running,
    /// Where programs connect.
    pub(crate) entrance: String,
}

impl Forward {
    pub(crate) fn to(place: &Place, target: SocketAddr) -> Self {
        Self::with(place, target, &[], &[])
    }

    /// More arguments for the serving and for the local side.
    pub(crate) fn with(place: &Place, target: SocketAddr, serve: &[&str], local: &[&str]) -> Self {
        let target = target.to_string();
        let (serving, peer) = serve_at(
            place,
            "127.0.0.1:0",
            &[&["--serve", &target], serve].concat(),
        );
        let (local, entrance) = forward(place, &peer, local);
        Self {
            serving,
            peer,
            local,
            entrance,
        }
    }

    /// A program's connection.
    pub(crate) fn connect(&self) -> TcpStream {
        connect(&self.entrance)
    }
}

/// A serving side, and where it is.
pub(crate) fn serve_at(place: &Place, bind: &str, more: &[&str]) -> (Running, String) {
    let arguments = ["forward", "--seed-file", "group.seed", "--bind", bind];
    let mut serving = place.start(&[&arguments, more].concat());
    let line = serving.line("listening on ");
    (serving, word(&line, 2))
}

/// A local side, and where it takes connections.
pub(crate) fn forward(place: &Place, peer: &str, more: &[&str]) -> (Running, String) {
    let arguments = ["forward", "127.0.0.1:0", peer, "--seed-file", "group.seed"];
    let mut local = place.start(&[&arguments, more].concat());
    let line = local.line("forwarding ");
    (local, word(&line, 1))
}

pub(crate) fn word(line: &str, number: usize) -> String {
    line.split(' ').nth(number).unwrap().to_owned()
}

pub(crate) fn connect(entrance: &str) -> TcpStream {
    let stream = TcpStream::connect(entrance).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A target that nobody has reached yet.
pub(crate) fn target() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// The next connection to a target.
pub(crate) fn accept(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).unwrap();
    let until = Instant::now() + PATIENCE;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.set_write_timeout(Some(PATIENCE)).unwrap();
                return stream;
            }
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
        }
        assert!(Instant::now() < until, "nobody reached the target");
        thread::sleep(Duration::from_millis(1));
    }
}

/// A target that sends back what it gets, for as many connections as come.
pub(crate) fn echo() -> SocketAddr {
    let (listener, address) = target();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || echo_on(&stream));
        }
    });
    address
}

fn echo_on(stream: &TcpStream) {
    let (mut from, mut to) = (stream, stream);
    let _ = std::io::copy(&mut from, &mut to);
    let _ = stream.shutdown(Shutdown::Write);
}

/// Sends `bytes`, says that this is all, and returns what comes back.
pub(crate) fn exchange(mut stream: TcpStream, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let reading = read_all(stream.try_clone()?);
    stream.write_all(bytes)?;
    stream.shutdown(Shutdown::Write)?;
    reading.join().unwrap()
}

pub(crate) fn read_all(mut stream: TcpStream) -> JoinHandle<std::io::Result<Vec<u8>>> {
    thread::spawn(move || {
        let mut whole = Vec::new();
        stream.read_to_end(&mut whole).map(|_| whole)
    })
}

/// Asserts that nothing comes but a reset.
pub(crate) fn assert_reset(mut stream: &TcpStream) {
    let error = stream.read(&mut [0; 100]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

/// Nothing here takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(50);
