//! A web framework and HTTP server in which a function is a controller and its arguments are bound by name.
//!
//! ```standalone_crate
//! use vernal::prelude::*;
//! use vernal::testing::Client;
//!
//! #[route("/hello/{name}", method = "GET")]
//! async fn hello(name: String, #[default(1)] times: u8) -> String {
//!     format!("Hello, {name}! ").repeat(times.into())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> vernal::Result<()> {
//! let app = Server::new().build()?; // `.start()` instead serves it on 127.0.0.1:9090
//! let answer = Client::new(app).get("/hello/Ada?times=2").send().await;
//! assert_eq!(answer.text(), "Hello, Ada! Hello, Ada! ");
//! # Ok(())
//! # }
//! ```
//!
//! Three rules carry the whole of it:
//!
//! 1. **A function is a controller.** An attribute says which requests reach it: [`macro@route`], on methods together
//!    with [`macro@controller`]. Nothing is registered by hand.
//! 2. **The argument's name says which value, its type says how it is read, an attribute on it says where else to
//!    look.** What may be an argument is [`bind::FromRequest`].
//! 3. **What is returned is the response.** What may be returned is [`IntoResponse`].
//!
//! | to | see |
//! |---|---|
//! | start and stop a server | [`Server`], [`Handle`] |
//! | serve HTTPS | [`Tls`], [`TlsInfo`] |
//! | stand behind proxies | [`TrustedProxies`] |
//! | bound what clients may send | [`Limits`] |
//! | run code around controllers | [`macro@request_filter`], [`filter::FilterContext`] |
//! | make the pages of errors | [`macro@error_message`], [`HttpError`] |
//! | remember visitors | [`Session`], [`SessionSettings`], [`SessionStore`] |
//! | receive files, or a body piece by piece | [`MultipartFile`], [`BodyReader`] |
//! | send files, streams, server-sent events | [`StaticFile`], [`Stream`], [`Sse`] |
//! | compress responses | [`Compression`], [`Coding`] |
//! | speak WebSocket | [`macro@websocket_handler`], [`websocket::WebsocketSession`] |
//! | tell many connections the same | [`websocket::Rooms`] |
//! | do without attributes | [`App::builder`], [`controller::from_fn`] |
//! | be part of another server | [`App::into_service`] |
//! | test an application | [`testing::Client`] |
//!
//! A plain `fn` may block and runs on a pool of threads; an `async fn` runs on the event loop.
//!
//! # Features
//!
//! All are on by default, but for `tls-development`.
//!
//! - `macros`: the attributes.
//! - `logger`: the module `logger`, a console and a daily-rolled file for what the engine says with `tracing`.
//! - `http2`: HTTP/2 on the same port.
//! - `compression`: gzip, deflate, br and zstd, of responses and of requests.
//! - `tls`: HTTPS.
//! - `websocket`: the module [`websocket`], its attributes and rooms.
//! - `tls-development`: `Tls::development`, a certificate for the developer's own machine.

// Without its features the crate lacks what the page above links to.
#![cfg_attr(
    not(all(
        feature = "macros",
        feature = "logger",
        feature = "compression",
        feature = "tls",
        feature = "websocket"
    )),
    allow(rustdoc::broken_intra_doc_links)
)]

// The stations of a request, in the order in which it meets them; each file says what it is for.

mod journey;

mod app;

mod accept;

mod parse;

pub mod route;

pub mod filter;

pub mod bind;

pub mod controller;

pub mod respond;

pub mod session;

#[cfg(feature = "websocket")]
pub mod websocket;

// What travels: the request, and the words it is made of.

mod cookie;
mod headers;
mod request;

#[cfg(feature = "compression")]
mod coding;

// What may go wrong, and what keeps it from going too far.

mod error;
mod guard;
mod limits;
mod proxies;

// The Rust face: declarations found at start, the server, the log, an app without a socket.

mod access;
#[cfg(feature = "logger")]
pub mod logger;
pub mod prelude;
pub mod scan;
mod service;
mod start;
pub mod testing;

#[cfg(all(feature = "fuzzing", unix))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(test)]
mod properties;

#[cfg(feature = "tls")]
pub use accept::tls::{Tls, TlsInfo};
pub use app::{App, Builder};
pub use bind::{Json, Model, State};
#[cfg(feature = "compression")]
pub use coding::{Coding, UnknownCoding};
pub use cookie::{Cookie, Cookies, SameSite};
pub use error::{Error, HttpError, Result};
pub use headers::Headers;
pub use inventory;
pub use limits::{KB, Limits, MB};
pub use parse::{BodyReader, MultipartFile, ParamValue, Params};
pub use proxies::TrustedProxies;
pub use request::Request;
#[cfg(feature = "compression")]
pub use respond::Compression;
pub use respond::{
    Body, ErrorInfo, Event, IntoResponse, OutgoingBody, Redirect, Response, Sse, StaticFile, Stream,
};
pub use route::{Location, Route};
#[cfg(feature = "tls")]
pub use rustls;
pub use service::AppService;
pub use session::{Session, SessionSettings, SessionStore};
pub use start::{Bound, Handle, Server};
#[cfg(feature = "macros")]
pub use vernal_macros::{Model, controller, error_message, request_filter, request_map, route};
#[cfg(all(feature = "macros", feature = "websocket"))]
pub use vernal_macros::{
    websocket_close, websocket_handler, websocket_handshake, websocket_message, websocket_open,
};

/// The samples of the READMEs compile.
#[cfg(all(
    doctest,
    feature = "macros",
    feature = "logger",
    feature = "compression",
    feature = "tls",
    feature = "websocket"
))]
mod readme {
    #[doc = include_str!("../../../README.md")]
    struct English;

    #[doc = include_str!("../../../README.zh.md")]
    struct Chinese;
}
