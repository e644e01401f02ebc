//! The servers of others: requests that they bring, answered on their own threads.
//!
//! `exchange.rs` has a request and its answer, step by step; `wsgi.rs` and `asgi.rs` say how either server speaks of them;
//! `websocket.rs` finds who takes a connection.

pub(crate) mod alarm;
pub(crate) mod asgi;
pub(crate) mod begun;
pub(crate) mod exchange;
pub(crate) mod fields;
pub(crate) mod websocket;
pub(crate) mod wsgi;

use std::sync::{Arc, Weak};

use pyo3::prelude::*;

/// Who has brought a request; among its extensions.
#[derive(Clone)]
pub(crate) enum Host {
    Wsgi(Weak<wsgi::Wsgi>),
    /// With the coroutine function that fetches more of the body.
    Asgi(Arc<Py<PyAny>>),
}

impl Host {
    /// Passes on what has been written so far, where that is done on the thread that writes.
    pub(crate) fn pass_on(&self, py: Python<'_>) {
        if let Host::Wsgi(wsgi) = self
            && let Some(wsgi) = wsgi.upgrade()
        {
            wsgi.pass_on(py);
        }
    }
}
