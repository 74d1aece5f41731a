//! Tells a service manager how far the node has come, if one wants to know: `sd_notify(3)`.

use crate::status::Status;

/// Sends `state` to the socket named by `NOTIFY_SOCKET`, if there is one. A manager that does not
/// listen is no reason to stop.
#[cfg(unix)]
pub(super) fn notify(state: &str, status: Status) {
    use std::os::unix::net::UnixDatagram;
    let Some(name) = std::env::var_os(VARIABLE).filter(|name| !name.is_empty()) else {
        return;
    };
    let sent = address(&name).and_then(|address| {
        let socket = UnixDatagram::unbound()?;
        socket.send_to_addr(state.as_bytes(), &address)
    });
    if let Err(error) = sent {
        let name = name.to_string_lossy();
        status.note(format_args!("cannot tell {VARIABLE} {name}: {error}"));
    }
}

#[cfg(not(unix))]
pub(super) fn notify(_: &str, _: Status) {}

/// A path, or a name that begins with `@` and is in no file system.
#[cfg(unix)]
fn address(name: &std::ffi::OsStr) -> std::io::Result<std::os::unix::net::SocketAddr> {
    use std::os::unix::net::SocketAddr;
    #[cfg(target_os = "linux")]
    {
        use std::os::{linux::net::SocketAddrExt, unix::ffi::OsStrExt};
        if let Some(name) = name.as_bytes().strip_prefix(b"@") {
            return SocketAddr::from_abstract_name(name);
        }
    }
    SocketAddr::from_pathname(name)
}

#[cfg(unix)]
const VARIABLE: &str = "NOTIFY_SOCKET";
