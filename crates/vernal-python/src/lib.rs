//! The Python face of [`vernal`]: the native module `simple_http_server._engine`.
//!
//! Only this crate knows Python. What a user constructs and subclasses is written in Python, in
//! `python/simple_http_server`; what a request costs is here: a Python callable as a controller, its arguments bound
//! from the request, what it returns as a response.
//!
//! An app that is written in Rust becomes a module of Python by [`export!`], which Python may serve, and mount in its own.
//!
//! One rule carries it: **a thread that does I/O never takes the interpreter.** Whatever wants Python is a `Job` of
//! `run/`, which has the threads that do.

mod app;
mod argument;
mod bind;
mod controller;
mod error_page;
#[doc(hidden)]
pub mod exported;
mod fields;
mod forked;
mod host;
mod json;
mod log;
mod malformed;
mod mistake;
mod names;
mod phrases;
mod process;
mod reader;
mod regexp;
mod respond;
mod run;
mod runtime;
mod server;
mod settings;
mod stream;
mod uploaded;
mod visit;
mod websocket;

use pyo3::prelude::*;

#[doc(hidden)]
pub use {pyo3, vernal};

/// The native module.
#[pymodule]
fn _engine(module: &Bound<'_, PyModule>) -> PyResult<()> {
    add_all(module)
}

/// Adds all that Python asks of the engine.
fn add_all(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("version", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<exported::RustApp>()?;
    module.add_function(wrap_pyfunction!(log::log_to, module)?)?;
    module.add_function(wrap_pyfunction!(log::log_level, module)?)?;
    module.add_function(wrap_pyfunction!(log::log_flush, module)?)?;
    module.add_function(wrap_pyfunction!(log::log_end, module)?)?;
    module.add_class::<app::App>()?;
    module.add_class::<server::Server>()?;
    module.add_function(wrap_pyfunction!(process::die_with_parent, module)?)?;
    module.add_class::<visit::Visit>()?;
    module.add_class::<uploaded::Uploaded>()?;
    module.add_class::<respond::Resource>()?;
    module.add_class::<controller::FlowTarget>()?;
    module.add_class::<reader::Reader>()?;
    module.add_class::<websocket::WebsocketConnection>()?;
    module.add_class::<websocket::WebsocketSource>()?;
    module.add_class::<host::begun::Begun>()?;
    module.add_class::<host::wsgi::WsgiExchange>()?;
    module.add_class::<host::wsgi::Pieces>()?;
    module.add_class::<host::asgi::AsgiExchange>()?;
    module.add_class::<host::asgi::Head>()?;
    module.add_class::<host::asgi::Wait>()?;
    module.add_function(wrap_pyfunction!(host::websocket::find_websocket, module)?)?;
    forked::begin_anew_in_children(module)
}
