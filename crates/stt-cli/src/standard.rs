//! The standard streams as plain files: past the library's own buffers, which are small and hold
//! back the end of a line, and past its locks, which whoever waits in a read would keep.

use std::{fs::File, io};

#[cfg(unix)]
pub(crate) fn input() -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(io::stdin().as_fd().try_clone_to_owned()?.into())
}

#[cfg(unix)]
pub(crate) fn output() -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(io::stdout().as_fd().try_clone_to_owned()?.into())
}

#[cfg(windows)]
pub(crate) fn input() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    Ok(io::stdin().as_handle().try_clone_to_owned()?.into())
}

#[cfg(windows)]
pub(crate) fn output() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    Ok(io::stdout().as_handle().try_clone_to_owned()?.into())
}

/// The process keeps its standard output as long as it lives, so a reader would wait for that.
#[cfg(unix)]
pub(crate) fn close_output() {
    if let Ok(nothing) = File::options().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(nothing);
    }
}

#[cfg(not(unix))]
pub(crate) fn close_output() {}
