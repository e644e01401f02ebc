//! Values to bytes: what a controller returns becomes a response.

#[cfg(feature = "compression")]
pub(crate) mod compression;
mod conditional;
mod content_type;
mod date;
mod error_page;
pub(crate) mod favicon;
mod file;
mod finish;
mod into_response;
mod range;
mod reason;
mod resource;
mod response;
mod stream;

#[cfg(feature = "compression")]
pub use compression::Compression;
pub use error_page::ErrorInfo;
pub use file::StaticFile;
pub use into_response::{IntoResponse, Redirect, Text};
pub use reason::Reason;
pub use response::{Body, OutgoingBody, Response};
pub use stream::{Event, Sse, Stream};

pub(crate) use error_page::{ErrorPageEntry, ErrorPages};
pub(crate) use file::FileCache;
pub(crate) use finish::{close_session, finish, uses_session};
#[cfg(feature = "fuzzing")]
pub(crate) use range::check as check_ranges;
pub(crate) use resource::Resources;
#[cfg(feature = "websocket")]
pub(crate) use response::Outgoing;
