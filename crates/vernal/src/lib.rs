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
pub mod bind {
    //! Names to values.

    pub mod model;
}

pub use bind::model::Model;

pub use cookie::{Cookie, Cookies, SameSite};
pub use error::{Error, HttpError, Result};
pub use headers::Headers;
pub use limits::{KB, Limits, MB};
pub use parse::{MultipartFile, ParamValue, Params};
