//! vernal: a web framework in which a function is a controller.

mod cookie;
mod error;
mod headers;
mod limits;
#[cfg(feature = "logger")]
pub mod logger;
pub mod parse;
pub mod respond;
pub mod route;
pub mod session;

pub use cookie::{Cookie, Cookies, SameSite};
pub use error::{Error, HttpError, Result};
pub use headers::Headers;
pub use limits::{KB, Limits, MB};
