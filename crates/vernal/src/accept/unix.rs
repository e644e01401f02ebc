//! Unix-domain sockets as listening addresses.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use socket2::{Domain, SockAddr, Socket, Type};

use crate::Result;
use crate::accept::Listener;
use crate::accept::address::{BACKLOG, unbound};

/// Binds a path, or with a leading `@` a name in Linux' abstract namespace (unix(7)), which has no file.
///
/// # Errors
///
/// A start-up error: somebody listens there, the path is something other than a socket, or the system refuses.
pub(crate) fn bind(path: &Path, mode: Option<u32>) -> Result<Listener> {
    let unbound_because = |reason: &str| unbound(&format!("unix:{}", path.display()), reason);
    let refused = |error: io::Error| unbound_because(&error.to_string());
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(refused)?;
    socket.set_nonblocking(true).map_err(refused)?;
    if let Some(name) = path.as_os_str().as_bytes().strip_prefix(b"@") {
        if !cfg!(target_os = "linux") {
            return Err(unbound_because("only Linux has names without a file"));
        }
        let address = [b"\0", name].concat();
        let address = SockAddr::unix(std::ffi::OsStr::from_bytes(&address)).map_err(refused)?;
        socket.bind(&address).map_err(|error| match error.kind() {
            ErrorKind::AddrInUse => unbound_because("another program listens on it"),
            _ => refused(error),
        })?;
        socket.listen(BACKLOG).map_err(refused)?;
        return Ok(Listener::unix(socket.into(), None));
    }
    make_room(path).map_err(|error| unbound_because(&error))?;
    socket.bind(&SockAddr::unix(path).map_err(refused)?).map_err(refused)?;
    let file = SocketFile::new(path).map_err(refused)?;
    if let Some(mode) = mode {
        // before `listen`: until then nobody can connect
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(refused)?;
    }
    socket.listen(BACKLOG).map_err(refused)?;
    Ok(Listener::unix(socket.into(), Some(Arc::new(file))))
}

/// Removes the socket file of a program that has ended without doing so. Says why there is no room otherwise.
fn make_room(path: &Path) -> Result<(), String> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.to_string()),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err("the path is taken by something that is no socket".to_owned());
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|error| format!("a stale socket cannot be removed: {error}"))
        }
        Ok(_) => Err("another program listens on it".to_owned()),
        Err(error) => Err(format!("whether another program listens on it is not clear: {error}")),
    }
}

/// The file of a bound socket; removed when this is dropped, if it is still the same.
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    fn new(path: &Path) -> io::Result<Self> {
        // the working directory may be another one when the server ends
        Ok(SocketFile { path: std::path::absolute(path)?, identity: identity(path)? })
    }

    /// Removes the file. A program that has been started in the meantime may have put its own in this place.
    pub(crate) fn remove(&self) {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        self.remove();
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}

/// The address as the log says it.
pub(crate) fn name(listener: &UnixListener) -> String {
    let Ok(address) = listener.local_addr() else { return "unix:?".to_owned() };
    if let Some(path) = address.as_pathname() {
        return format!("unix:{}", path.display());
    }
    #[cfg(target_os = "linux")]
    {
        use std::os::linux::net::SocketAddrExt;
        if let Some(name) = address.as_abstract_name() {
            return format!("unix:@{}", name.escape_ascii());
        }
    }
    "unix:?".to_owned()
}
