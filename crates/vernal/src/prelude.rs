//! What a file of controllers needs: `use vernal::prelude::*;`.

pub use crate::bind::{FromRequest, Json, Param, RegGroups, State};
pub use crate::filter::FilterContext;
pub use crate::parse::{BodyReader, MultipartFile, Params};
pub use crate::respond::{Event, IntoResponse, Redirect, Response, Sse, StaticFile, Stream, Text};
pub use crate::session::Session;
pub use crate::{App, Cookie, Cookies, Headers, HttpError, KB, Limits, MB, Model, Request, Result, Server};
#[cfg(feature = "macros")]
pub use crate::{controller, error_message, request_filter, request_map, route};
pub use bytes::Bytes;
pub use http::StatusCode;
pub use serde_json::{Value, json};
