//! What a file of controllers needs: `use vernal::prelude::*;`.

pub use crate::bind::{FromRequest, Json, Param, RegGroups, State};
pub use crate::filter::FilterContext;
pub use crate::parse::{BodyReader, MultipartFile, Params};
pub use crate::respond::{Event, IntoResponse, Redirect, Response, Sse, StaticFile, Stream, Text};
pub use crate::session::Session;
#[cfg(feature = "websocket")]
pub use crate::websocket::{
    CloseReason, Handshake, KeepFrame, Rooms, WebsocketHandler, WebsocketRequest, WebsocketSession,
};
pub use crate::{App, Cookie, Cookies, Headers, HttpError, KB, Limits, MB, Model, Request, Result, Server};
#[cfg(feature = "macros")]
pub use crate::{controller, error_message, request_filter, request_map, route};
#[cfg(all(feature = "macros", feature = "websocket"))]
pub use crate::{websocket_close, websocket_handler, websocket_handshake, websocket_message, websocket_open};
pub use bytes::Bytes;
pub use http::StatusCode;
pub use serde_json::{Value, json};
