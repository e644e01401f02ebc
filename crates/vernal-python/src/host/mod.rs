//! The servers of others: requests that they bring, answered on their own threads.
//!
//! `exchange.rs` has a request and its answer, step by step, `body.rs` what comes of the request's body; `wsgi.rs` and `asgi.rs` say how either server speaks of them;
//! `websocket.rs` finds who takes a connection.

pub(crate) mod alarm;
pub(crate) mod asgi;
pub(crate) mod begun;
mod body;
pub(crate) mod exchange;
pub(crate) mod fields;
pub(crate) mod input;
pub(crate) mod websocket;
pub(crate) mod wsgi;

use std::sync::{Arc, Weak};

use pyo3::prelude::*;

/// Who has brought a request; among its extensions.
#[derive(Clone)]
pub(crate) enum Host {
    /// With the file that has the body, where there is one.
    Wsgi { exchange: Weak<wsgi::Wsgi>, input: Option<Arc<input::Input>> },
    /// With the coroutine function that fetches more of the body.
    Asgi(Arc<Py<PyAny>>),
}

impl Host {
    /// Passes on what has been written so far, where that is done on the thread that writes.
    pub(crate) fn pass_on(&self, py: Python<'_>) {
        if let Host::Wsgi { exchange, .. } = self
            && let Some(exchange) = exchange.upgrade()
        {
            exchange.pass_on(py);
        }
    }

    /// The file that has the request's body, where whoever wants more of it reads it.
    pub(crate) fn input(&self) -> Option<&Arc<input::Input>> {
        match self {
            Host::Wsgi { input, .. } => input.as_ref(),
            Host::Asgi(_) => None,
        }
    }
}
