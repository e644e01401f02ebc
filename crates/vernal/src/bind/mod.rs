//! Names to values: a signature is data, a type says how it is read.

mod convert;
mod from_request;
mod model;
mod param;

pub use convert::{Expected, FromText};
pub use from_request::{FromRequest, Groups, Json, Optional, RegGroups, State};
pub use model::Model;
pub use param::{BodyUse, Kind, Param, Source};

pub(crate) use convert::{missing, unreadable};
pub(crate) use from_request::StateMap;
