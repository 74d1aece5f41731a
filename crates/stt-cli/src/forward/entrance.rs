//! Where local programs come in: one or several listening sockets.

use std::{
    fmt,
    future::poll_fn,
    io,
    path::PathBuf,
    task::{Context, Poll},
};

use tokio::net::TcpListener;

use super::socket::Socket;
use crate::{args::Entrance as Asked, exit::Failure};

/// Listening sockets. Dropped, those with a path leave none behind.
#[derive(Debug)]
pub(super) struct Entrance(Vec<Door>);

#[derive(Debug)]
enum Door {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix {
        listener: tokio::net::UnixListener,
        path: PathBuf,
    },
}

impl Entrance {
    pub(super) async fn open(asked: &Asked) -> Result<Self, Failure> {
        match asked {
            Asked::Tcp(bind) => {
                let mut doors = Vec::new();
                for address in bind.addresses().await? {
                    let listener = TcpListener::bind(address).await;
                    let listener = listener.map_err(|error| cannot(address, &error))?;
                    doors.push(Door::Tcp(listener));
                }
                Ok(Self(doors))
            }
            Asked::Unix(path) => Ok(Self(vec![at_path(path.clone())?])),
        }
    }

    /// The addresses, each as a local program would name it.
    pub(super) fn addresses(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(ToString::to_string)
    }

    /// The next connection, and where it comes from. Cancel safe.
    pub(super) async fn accept(&self) -> io::Result<(Socket, String)> {
        poll_fn(|cx| {
            let mut polled = self.0.iter().map(|door| door.poll_accept(cx));
            polled.find(Poll::is_ready).unwrap_or(Poll::Pending)
        })
        .await
    }
}

impl Door {
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Socket, String)>> {
        match self {
            Self::Tcp(listener) => listener.poll_accept(cx).map(|accepted| {
                let (stream, from) = accepted?;
                Ok((Socket::tcp(stream)?, from.to_string()))
            }),
            #[cfg(unix)]
            Self::Unix { listener, .. } => listener.poll_accept(cx).map(|accepted| {
                let (stream, _) = accepted?;
                Ok((Socket::unix(stream), self.to_string()))
            }),
        }
    }
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(listener) => match listener.local_addr() {
                Ok(address) => address.fmt(f),
                Err(error) => error.fmt(f),
            },
            #[cfg(unix)]
            Self::Unix { path, .. } => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(unix)]
impl Drop for Door {
    fn drop(&mut self) {
        if let Self::Unix { path, .. } = self {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A socket that only its owner reaches. What a killed process left at the path gives way.
#[cfg(unix)]
fn at_path(path: PathBuf) -> Result<Door, Failure> {
    use std::{fs, os::unix::fs::PermissionsExt, os::unix::net::UnixStream};
    use tokio::net::UnixListener;

    let bind = || UnixListener::bind(&path);
    let is_abandoned = || {
        let refused = UnixStream::connect(&path).map_err(|error| error.kind());
        refused.is_err_and(|kind| kind == io::ErrorKind::ConnectionRefused)
    };
    let listener = bind().or_else(|error| {
        if error.kind() == io::ErrorKind::AddrInUse && is_abandoned() {
            fs::remove_file(&path)?;
            return bind();
        }
        Err(error)
    });
    let private = fs::Permissions::from_mode(0o600);
    let listener = listener.and_then(|listener| {
        fs::set_permissions(&path, private)?;
        Ok(listener)
    });
    match listener {
        Ok(listener) => Ok(Door::Unix { listener, path }),
        Err(error) => Err(cannot(path.display(), &error)),
    }
}

#[cfg(not(unix))]
fn at_path(path: PathBuf) -> Result<Door, Failure> {
    Err(cannot(path.display(), &io::ErrorKind::Unsupported.into()))
}

fn cannot(place: impl fmt::Display, error: &io::Error) -> Failure {
    Failure::other(format!("cannot listen on {place}: {error}"))
}
