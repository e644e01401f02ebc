//! Bytes to a request: target, query, forms, cookies, JSON.

pub(crate) mod json;
pub(crate) mod multipart;
pub(crate) mod params;
#[cfg(test)]
pub(crate) mod properties;
pub(crate) mod target;

pub use multipart::MultipartFile;
pub use params::{ParamValue, Params};
