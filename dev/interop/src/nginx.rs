//! nginx, a reverse proxy: the one of the machine, or else Debian's package, unpacked and not installed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Missing, call, made_once, or_skip};

/// An nginx that runs. Takes seconds when it is asked for the first time on a machine that has none.
///
/// # Errors
///
/// [`Missing`], and why.
pub fn nginx() -> Result<PathBuf, Missing> {
    // Where others than root have no /usr/sbin in their path.
    for installed in ["nginx", "/usr/sbin/nginx"].map(PathBuf::from) {
        if runs(&installed).is_ok() {
            return Ok(installed);
        }
    }
    let place = made_once("nginx", unpack)?;
    let unpacked = place.join("usr/sbin/nginx");
    runs(&unpacked)?;
    Ok(unpacked)
}

/// What [`nginx`] gives, or nothing where a test passes over; says so then.
///
/// # Errors
///
/// [`Missing`], where that is not allowed.
pub fn nginx_or_skip() -> Result<Option<PathBuf>, Missing> {
    or_skip(nginx())
}

fn runs(nginx: &Path) -> Result<(), Missing> {
    call(Command::new(nginx).arg("-v"))
}

/// With the package lists of the machine or, where there are none, with lists of our own: neither needs root,
/// nor changes anything outside `place`.
fn unpack(place: &Path) -> Result<(), Missing> {
    fs::create_dir_all(place)?;
    if download(place, &[]).is_err() {
        let lists = place.join("lists");
        fs::create_dir_all(lists.join("partial"))?;
        let state = format!("Dir::State::lists={}", lists.display());
        let cache = format!("Dir::Cache={}", place.display());
        let own = ["-o", &state, "-o", &cache];
        call(Command::new("apt-get").args(own).args(["update", "-qq"]))?;
        download(place, &own)?;
    }
    let entries = fs::read_dir(place)?.flatten().map(|entry| entry.path());
    for package in entries.filter(|path| path.extension().is_some_and(|end| end == "deb")) {
        call(Command::new("dpkg-deb").arg("-x").args([&package, place]))?;
    }
    Ok(())
}

fn download(place: &Path, options: &[&str]) -> Result<(), Missing> {
    let mut command = Command::new("apt-get");
    let command = command.current_dir(place).args(options);
    call(command.args(["download", "-qq", "nginx"]))
}
