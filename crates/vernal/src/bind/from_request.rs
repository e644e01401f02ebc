//! The types that an argument may have.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::bind::convert::unreadable_item;
use crate::bind::model::{self, Model};
use crate::bind::{FromText, Kind, Param, Source, missing, unreadable};
use crate::parse::{BodyReader, MultipartFile, Params, parse_json};
use crate::request::Request;
use crate::session::Session;
use crate::{Cookie, Cookies, Headers, HttpError, Result};

/// A type that an argument of a controller may have (the reference's `@model_binding`).
///
/// Implemented for text, numbers, `bool`, `Option`, `Vec` and the types of this crate; implement it for a type of
/// your own to bind it in your own way. The binding may await, and may end the request with an error.
///
/// ```
/// use vernal::bind::{FromRequest, Param};
/// use vernal::{HttpError, Request, Result};
///
/// struct Point { x: i32, y: i32 }
///
/// impl FromRequest for Point {
///     async fn from_request(request: &Request, param: &Param) -> Result<Self> {
///         let wrong = || HttpError::new(422).explain(format!("{} should be two numbers", param.name));
///         let text = request.param(&param.name).ok_or_else(wrong)?;
///         let (x, y) = text.split_once(',').ok_or_else(wrong)?;
///         Ok(Point { x: x.parse().map_err(|_| wrong())?, y: y.parse().map_err(|_| wrong())? })
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a controller",
    label = "nothing binds a value of this type",
    note = "use `Model<{Self}>` to read it from the parameters, `Json<{Self}>` from the body, `State<{Self}>` from the server",
    note = "or derive `Model`, or implement `FromRequest` for it"
)]
pub trait FromRequest: Sized {
    /// How the value is read; the default suits every binding of one's own.
    const KIND: Kind = Kind::Custom;

    /// Whether the value may be absent.
    const OPTIONAL: bool = false;

    /// Reads the value from the request.
    ///
    /// # Errors
    ///
    /// What is returned ends the request; an [`HttpError`] becomes the answer, anything else a 500.
    fn from_request(request: &Request, param: &Param) -> impl Future<Output = Result<Self>> + Send;
}

impl<T: FromText> FromRequest for T {
    const KIND: Kind = T::KIND;

    async fn from_request(request: &Request, param: &Param) -> Result<Self> {
        let text = request.text(param)?.ok_or_else(|| missing(param))?;
        Ok(T::from_text(text).map_err(|expected| unreadable(param, expected))?)
    }
}

/// Absent is `None`; a value that is there must still be readable.
impl<T: Optional> FromRequest for Option<T> {
    const KIND: Kind = T::KIND;
    const OPTIONAL: bool = true;

    async fn from_request(request: &Request, param: &Param) -> Result<Self> {
        T::optional(request, param).await
    }
}

/// A type that may stand in an `Option` as an argument; implement it beside [`FromRequest`] for a type of your own.
#[diagnostic::on_unimplemented(
    message = "`Option<{Self}>` cannot be an argument of a controller",
    label = "nothing binds an optional value of this type",
    note = "text, numbers, `bool`, `Cookie`, `MultipartFile`, `Json`, `Session` and lists may be optional",
    note = "for a type of your own, implement `vernal::bind::Optional`"
)]
pub trait Optional: Sized + Send {
    /// How a value that is there is read; the default suits every binding of one's own.
    const KIND: Kind = Kind::Custom;

    /// Reads the value, or says that it is absent.
    ///
    /// # Errors
    ///
    /// The 400 of a value that is there and cannot be read.
    fn optional(request: &Request, param: &Param) -> impl Future<Output = Result<Option<Self>>> + Send;
}

impl<T: FromText> Optional for T {
    const KIND: Kind = T::KIND;

    async fn optional(request: &Request, param: &Param) -> Result<Option<Self>> {
        match request.text(param)? {
            None => Ok(None),
            Some(text) => Ok(Some(T::from_text(text).map_err(|expected| unreadable(param, expected))?)),
        }
    }
}

/// Every value of the name; none is an empty list (`spec/08` C1, C5).
impl<T: FromText> FromRequest for Vec<T> {
    const KIND: Kind = Kind::List(&T::KIND);
    const OPTIONAL: bool = true;

    async fn from_request(request: &Request, param: &Param) -> Result<Self> {
        let read = |text| T::from_text(text).map_err(|expected| unreadable_item(param, expected).into());
        match param.source {
            Source::Parameter | Source::Request => request.params()?.get_all(&param.name).map(read).collect(),
            Source::Header => request.header_values(&param.name).map(read).collect(),
            Source::Path | Source::Cookie | Source::Group(_) => {
                request.text(param)?.into_iter().map(read).collect()
            }
        }
    }
}

/// No value at all is `None`, as for every other type; an empty list is never there.
impl<T: FromText> Optional for Vec<T> {
    const KIND: Kind = Kind::List(&T::KIND);

    async fn optional(request: &Request, param: &Param) -> Result<Option<Self>> {
        let list = Vec::<T>::from_request(request, param).await?;
        Ok(Some(list).filter(|list| !list.is_empty()))
    }
}

impl FromRequest for Headers {
    const KIND: Kind = Kind::Headers;

    async fn from_request(request: &Request, _: &Param) -> Result<Self> {
        Ok(request.headers.clone())
    }
}

impl FromRequest for Cookies {
    const KIND: Kind = Kind::Cookies;

    async fn from_request(request: &Request, _: &Param) -> Result<Self> {
        Ok(request.cookies().clone())
    }
}

impl FromRequest for Cookie {
    const KIND: Kind = Kind::Cookies;

    async fn from_request(request: &Request, param: &Param) -> Result<Self> {
        let absent = || missing(&Param { source: Source::Cookie, ..param.clone() });
        Ok(request.cookies().get(&param.name).cloned().ok_or_else(absent)?)
    }
}

impl Optional for Cookie {
    const KIND: Kind = Kind::Cookies;

    async fn optional(request: &Request, param: &Param) -> Result<Option<Self>> {
        Ok(request.cookies().get(&param.name).cloned())
    }
}

/// All parameters, one or many values each (the reference's `ModelDict`).
impl FromRequest for Params {
    const KIND: Kind = Kind::Parameters;

    async fn from_request(request: &Request, _: &Param) -> Result<Self> {
        Ok(request.params()?.clone())
    }
}

impl FromRequest for MultipartFile {
    const KIND: Kind = Kind::File;

    async fn from_request(request: &Request, param: &Param) -> Result<Self> {
        Ok(MultipartFile::optional(request, param).await?.ok_or_else(|| missing(param))?)
    }
}

impl Optional for MultipartFile {
    const KIND: Kind = Kind::File;

    async fn optional(request: &Request, param: &Param) -> Result<Option<Self>> {
        let params = request.params()?;
        match params.file(&param.name) {
            Some(file) => Ok(Some(file.clone())),
            None if params.contains(&param.name) => {
                Err(HttpError::bad_request(format!("Parameter[{}] should be a file.", param.name)).into())
            }
            None => Ok(None),
        }
    }
}

/// All uploaded files of the name.
impl FromRequest for Vec<MultipartFile> {
    const KIND: Kind = Kind::List(&Kind::File);
    const OPTIONAL: bool = true;

    async fn from_request(request: &Request, param: &Param) -> Result<Self> {
        Ok(request.params()?.files(&param.name).cloned().collect())
    }
}

impl Optional for Vec<MultipartFile> {
    const KIND: Kind = Kind::List(&Kind::File);

    async fn optional(request: &Request, param: &Param) -> Result<Option<Self>> {
        let files = Vec::<MultipartFile>::from_request(request, param).await?;
        Ok(Some(files).filter(|files| !files.is_empty()))
    }
}

impl FromRequest for Session {
    const KIND: Kind = Kind::Session;

    async fn from_request(request: &Request, _: &Param) -> Result<Self> {
        request.session().await
    }
}

/// The session the client has already; none is created.
impl Optional for Session {
    const KIND: Kind = Kind::Session;

    async fn optional(request: &Request, _: &Param) -> Result<Option<Self>> {
        request.existing_session().await
    }
}

/// The whole body.
impl FromRequest for Bytes {
    const KIND: Kind = Kind::Bytes;

    async fn from_request(request: &Request, _: &Param) -> Result<Self> {
        Ok(request.bytes().await?.clone())
    }
}

/// The body, unless it is empty.
impl Optional for Bytes {
    const KIND: Kind = Kind::Bytes;

    async fn optional(request: &Request, _: &Param) -> Result<Option<Self>> {
        Ok(Some(request.bytes().await?.clone()).filter(|body| !body.is_empty()))
    }
}

impl FromRequest for BodyReader {
    const KIND: Kind = Kind::Reader;

    async fn from_request(request: &Request, _: &Param) -> Result<Self> {
        Ok(request.body_reader())
    }
}

/// A value as JSON: the body of a request, the text of a parameter (`#[param]`), or an answer.
///
/// A body is read only if its content type is JSON (`application/json` or `…+json`); otherwise, and where the text
/// is not JSON or not of this shape, the answer is 400 and says where the reading stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T> Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned + Send> FromRequest for Json<T> {
    const KIND: Kind = Kind::Json;

    async fn from_request(request: &Request, param: &Param) -> Result<Self> {
        if param.source == Source::Request {
            return Ok(Json(request.json().await?));
        }
        Ok(Json::optional(request, param).await?.ok_or_else(|| missing(param))?)
    }
}

/// A JSON parameter that may be absent, or a JSON body that may be empty.
impl<T: DeserializeOwned + Send> Optional for Json<T> {
    const KIND: Kind = Kind::Json;

    async fn optional(request: &Request, param: &Param) -> Result<Option<Self>> {
        if param.source == Source::Request {
            return Ok(match request.bytes().await?.is_empty() {
                true => None,
                false => Some(Json(request.json().await?)),
            });
        }
        let Some(text) = request.text(param)? else { return Ok(None) };
        let value = parse_json(text.as_bytes(), request.limits()).map_err(|_| {
            let wrong = match serde_json::from_str::<serde::de::IgnoredAny>(text) {
                Ok(_) => "is JSON of a shape that does not fit",
                Err(_) => "should be a JSON string",
            };
            HttpError::bad_request(format!("Parameter[{}] {wrong}.", param.name))
        })?;
        Ok(Some(Json(value)))
    }
}

impl<T: DeserializeOwned + Send> FromRequest for Model<T> {
    const KIND: Kind = Kind::Parameters;

    async fn from_request(request: &Request, _: &Param) -> Result<Self> {
        Ok(Model(model::from_params(request.params()?)?))
    }
}

/// The groups of the regular expression, in order; a group that took no part is empty (`spec/08` B8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups(Vec<String>);

/// The reference's name for [`Groups`].
pub type RegGroups = Groups;

impl Deref for Groups {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

impl FromRequest for Groups {
    const KIND: Kind = Kind::Groups;

    async fn from_request(request: &Request, _: &Param) -> Result<Self> {
        Ok(Groups(request.groups().map(|group| group.unwrap_or_default().to_owned()).collect()))
    }
}

/// A value that was given to the server with `manage`; a server without one does not start.
#[derive(Debug)]
pub struct State<T: ?Sized>(Arc<T>);

impl<T: ?Sized> Clone for State<T> {
    fn clone(&self) -> Self {
        State(Arc::clone(&self.0))
    }
}

impl<T: ?Sized> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Send + Sync + 'static> FromRequest for State<T> {
    const KIND: Kind = Kind::State(std::any::type_name::<T>, TypeId::of::<T>());

    async fn from_request(request: &Request, _: &Param) -> Result<Self> {
        let absent = || HttpError::new(500).explain("a managed value is missing");
        Ok(request.state().ok_or_else(absent)?)
    }
}

/// The values given to the server with `manage`, by type.
#[derive(Default)]
pub(crate) struct StateMap(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl StateMap {
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        self.0.insert(TypeId::of::<T>(), Arc::new(value));
    }

    pub(crate) fn contains(&self, id: TypeId) -> bool {
        self.0.contains_key(&id)
    }

    pub(crate) fn get<T: Send + Sync + 'static>(&self) -> Option<State<T>> {
        let value = Arc::clone(self.0.get(&TypeId::of::<T>())?);
        value.downcast().ok().map(State)
    }
}
