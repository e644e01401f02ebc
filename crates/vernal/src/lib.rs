//! vernal: a web framework in which a function is a controller and its arguments are bound by name.

mod accept;
mod access;
mod app;
pub mod bind;
pub mod controller;
mod cookie;
mod error;
pub mod filter;
mod guard;
mod headers;
mod journey;
mod limits;
#[cfg(feature = "logger")]
pub mod logger;
mod parse;
pub mod prelude;
#[cfg(test)]
mod properties;
mod request;
pub mod respond;
pub mod route;
pub mod scan;
mod service;
pub mod session;
mod start;
pub mod testing;

pub use app::{App, Builder};
pub use bind::{Json, Model, State};
pub use cookie::{Cookie, Cookies, SameSite};
pub use error::{Error, HttpError, Result};
pub use headers::Headers;
pub use inventory;
pub use limits::{KB, Limits, MB};
pub use parse::{BodyReader, MultipartFile, ParamValue, Params};
pub use request::Request;
pub use respond::{
    Body, ErrorInfo, Event, IntoResponse, OutgoingBody, Redirect, Response, Sse, StaticFile, Stream,
};
pub use route::{Location, Route};
pub use service::AppService;
pub use session::{Session, SessionSettings, SessionStore};
pub use start::{Handle, Server};
#[cfg(feature = "macros")]
pub use vernal_macros::{Model, controller, error_message, request_filter, request_map, route};
