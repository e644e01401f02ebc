//! Sockets that the service manager has bound and passed on: `sd_listen_fds(3)`.
//!
//! `LISTEN_FDS` says how many descriptors there are, from number 3; `LISTEN_PID` for which process they are meant;
//! `LISTEN_FDNAMES` their names, with colons between them.

use std::env;
use std::sync::{Mutex, PoisonError};

use listenfd::ListenFd;

use crate::accept::Listener;
use crate::accept::address::{passed_tcp, passed_unix};
use crate::error::StartErrorKind;
use crate::{Error, Result};

/// More sockets than any service has.
const MOST: usize = 1024;

/// What has been passed, until it is taken: descriptors are there once in a process.
static PASSED: Mutex<Option<Passed>> = Mutex::new(None);

struct Passed {
    sockets: ListenFd,
    names: Vec<String>,
}

/// The passed sockets, or those with this name.
///
/// # Errors
///
/// A start-up error when there is none, and when one is no listening stream socket.
pub(crate) fn take(name: Option<&str>) -> Result<Vec<Listener>> {
    let mut passed = PASSED.lock().unwrap_or_else(PoisonError::into_inner);
    if passed.is_none() {
        *passed = Some(Passed::from_environment()?);
    }
    let Some(passed) = passed.as_mut() else { return Ok(Vec::new()) };
    let mut listeners = Vec::new();
    for index in 0..passed.sockets.len() {
        if name.is_none() || name == passed.names.get(index).map(String::as_str) {
            listeners.extend(passed.take(index)?);
        }
    }
    if listeners.is_empty() {
        return Err(missing(&match name {
            Some(name) => format!("none of those that were passed has the name {name:?}, or it is taken"),
            None => "those that were passed are taken".to_owned(),
        }));
    }
    Ok(listeners)
}

impl Passed {
    fn from_environment() -> Result<Self> {
        let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<usize>().ok());
        match (number("LISTEN_FDS"), number("LISTEN_PID")) {
            (None | Some(0), _) => return Err(missing("LISTEN_FDS is not set")),
            (Some(count), _) if count > MOST => {
                return Err(missing(&format!("LISTEN_FDS says {count}, which is more than {MOST}")));
            }
            (_, Some(process)) if process == std::process::id() as usize => {}
            (_, Some(process)) => {
                return Err(missing(&format!(
                    "LISTEN_PID names process {process}, and this is {}",
                    std::process::id()
                )));
            }
            (_, None) => return Err(missing("LISTEN_PID is not set")),
        }
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let names = names.split(':').map(str::to_owned).collect();
        Ok(Passed { sockets: ListenFd::from_env(), names })
    }

    /// The socket with this number, if it has not been taken.
    fn take(&mut self, index: usize) -> Result<Option<Listener>> {
        match self.sockets.take_tcp_listener(index) {
            Ok(listener) => listener.map(passed_tcp).transpose(),
            Err(no_tcp) => match self.sockets.take_unix_listener(index) {
                Ok(listener) => listener.map(passed_unix).transpose(),
                Err(_) => Err(missing(&format!("a descriptor is no stream socket: {no_tcp}"))),
            },
        }
    }
}

fn missing(reason: &str) -> Error {
    Error::start(StartErrorKind::Bind, format!("the service manager has passed no socket: {reason}"))
}
