//! Bytes to a request: target, query, forms, cookies, JSON.

mod authority;
mod body;
#[cfg(feature = "compression")]
mod coded;
mod json;
mod multipart;
mod pace;
mod params;
#[cfg(test)]
pub(crate) mod properties;
mod target;

pub use body::BodyReader;
pub use multipart::MultipartFile;
pub use params::{ParamValue, Params};

pub(crate) use authority::is_authority;
pub(crate) use body::Incoming;
pub(crate) use json::{check_depth, parse_json};
pub(crate) use multipart::parse_multipart;
#[cfg(feature = "fuzzing")]
pub(crate) use multipart::pieces;
pub(crate) use params::parse_urlencoded;
pub(crate) use target::{Decoding, decode_path};
