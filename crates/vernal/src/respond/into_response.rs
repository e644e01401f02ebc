//! What may be returned from a controller.

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;

use crate::bind::Json;
use crate::respond::content_type::{ContentType, PLAIN, sniff};
use crate::respond::file::StaticFile;
use crate::respond::response::{Body, Content, Data, Response};
use crate::{Cookie, Cookies, Error, Headers, HttpError, Result};

/// A value that a controller may return (`spec/04` section 2).
///
/// | value | response |
/// |---|---|
/// | `&str`, `String` | text; HTML and XML are recognised by how they begin and end |
/// | [`Text`] | text that stays plain text, whatever it looks like |
/// | `Json(value)`, `serde_json::Value` | JSON |
/// | `u16`, `StatusCode` | a status alone; a number that is none is a 500 |
/// | `()` | 200, or what a filter has set |
/// | `Bytes`, `Vec<u8>`, `&[u8]` | bytes |
/// | [`Redirect`], [`StaticFile`], [`Stream`](crate::Stream), [`Sse`](crate::Sse), [`Response`] | what they say |
/// | `Headers`, `Cookie`, `Cookies` | fields and cookies of the response |
/// | a tuple of these | all of it, in any order; the first status and the first body count |
/// | `Option<T>` | 404 for `None` |
/// | `Result<T, E>` | the error becomes an error page |
///
/// Text that a client sent must not be returned as it is: if it begins with `<html` and ends with `>`, it is a page
/// with scripts that run in this site's name. Return [`Text`], name another content type in a [`Response`], or escape
/// it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the answer of a controller",
    label = "a controller cannot return this",
    note = "return text, `Json(value)`, a status code, `Response`, `Redirect`, `StaticFile`, a tuple or a `Result` of these"
)]
pub trait IntoResponse {
    /// The response this value stands for.
    ///
    /// # Errors
    ///
    /// An [`HttpError`] chooses its error page; any other error is a 500.
    fn into_response(self) -> Result<Response>;
}

impl IntoResponse for Response {
    fn into_response(self) -> Result<Response> {
        Ok(self)
    }
}

impl IntoResponse for () {
    fn into_response(self) -> Result<Response> {
        Ok(Response::default())
    }
}

impl IntoResponse for u16 {
    fn into_response(self) -> Result<Response> {
        match StatusCode::from_u16(self) {
            Ok(status) if !status.is_informational() => status.into_response(),
            _ => Err(NoStatus(self).into()),
        }
    }
}

/// A number that is no status of a final response; it becomes a 500 and a line in the log.
#[derive(Debug)]
struct NoStatus(u16);

impl std::fmt::Display for NoStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "a controller returned {}, which is no status of a response: return one from 200 to 999",
            self.0
        )
    }
}

impl std::error::Error for NoStatus {}

impl IntoResponse for StatusCode {
    fn into_response(self) -> Result<Response> {
        Ok(Response { status: Some(self), ..Response::default() })
    }
}

impl IntoResponse for Headers {
    fn into_response(self) -> Result<Response> {
        Ok(Response { headers: self, ..Response::default() })
    }
}

impl IntoResponse for Cookie {
    fn into_response(self) -> Result<Response> {
        Ok(Response::default().cookie(self))
    }
}

impl IntoResponse for Cookies {
    fn into_response(self) -> Result<Response> {
        Ok(Response { cookies: self.into_iter().collect(), ..Response::default() })
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Result<Response> {
        Err(self.into())
    }
}

impl<T: IntoResponse, E: Into<Error>> IntoResponse for Result<T, E> {
    fn into_response(self) -> Result<Response> {
        self.map_err(Into::into)?.into_response()
    }
}

impl<T: IntoResponse> IntoResponse for Option<T> {
    fn into_response(self) -> Result<Response> {
        self.ok_or_else(|| HttpError::new(404))?.into_response()
    }
}

/// `application/json` without a charset: JSON is UTF-8 (RFC 8259 section 8.1).
impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Result<Response> {
        let text = serde_json::to_vec(&self.0)?;
        Ok(Response::from_content(Data::Bytes(text.into()), &JSON))
    }
}

static JSON: HeaderValue = HeaderValue::from_static("application/json");
static OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// The types that are a body, and nothing else.
macro_rules! bodies {
    ($($type:ty => |$value:ident| $content:expr;)*) => {$(
        impl From<$type> for Body {
            fn from($value: $type) -> Self {
                Body(Some($content))
            }
        }

        impl IntoResponse for $type {
            fn into_response(self) -> Result<Response> {
                Ok(Response { content: Body::from(self).0, ..Response::default() })
            }
        }
    )*};
}

bodies! {
    &'static str => |text| Content::new(Data::Bytes(Bytes::from_static(text.as_bytes())), sniff(text.trim()));
    String => |text| { let kind = sniff(text.trim()); Content::new(Data::Bytes(text.into()), kind) };
    Bytes => |bytes| Content::new(Data::Bytes(bytes), &OCTETS);
    Vec<u8> => |bytes| Content::new(Data::Bytes(bytes.into()), &OCTETS);
    &'static [u8] => |bytes| Content::new(Data::Bytes(Bytes::from_static(bytes)), &OCTETS);
    Text => |text| Content::new(Data::Bytes(text.0.into()), &PLAIN);
    serde_json::Value => |value| Content::new(Data::Bytes(value.to_string().into()), &JSON);
    StaticFile => |file| Content { data: Data::File(Box::new(file)), content_type: None };
}

/// Text that is sent as `text/plain`, whatever it looks like: what a client sent cannot become a page of this site.
///
/// ```
/// use vernal::respond::Text;
///
/// fn echo(message: String) -> Text { Text(message) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(pub String);

impl Content {
    fn new(data: Data, content_type: &'static HeaderValue) -> Self {
        Content { data, content_type: Some(ContentType::Known(content_type)) }
    }
}

/// Sends the client elsewhere.
///
/// ```
/// use vernal::Redirect;
///
/// fn index() -> Redirect { Redirect::to("/notices") }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    status: StatusCode,
    url: String,
}

impl Redirect {
    /// 302: the client asks for the other address with GET, and for this one again next time.
    pub fn to(url: impl Into<String>) -> Self {
        Redirect { status: StatusCode::FOUND, url: url.into() }
    }

    /// 303: the client asks for the other address with GET; the answer to a form.
    pub fn see_other(url: impl Into<String>) -> Self {
        Redirect { status: StatusCode::SEE_OTHER, url: url.into() }
    }

    /// 307: the client repeats the same request at the other address.
    pub fn temporary(url: impl Into<String>) -> Self {
        Redirect { status: StatusCode::TEMPORARY_REDIRECT, url: url.into() }
    }

    /// 308: as 307, and for good.
    pub fn permanent(url: impl Into<String>) -> Self {
        Redirect { status: StatusCode::PERMANENT_REDIRECT, url: url.into() }
    }
}

/// What may not stand in a `Location` field as it is (RFC 3986 section 2); `%` stays, since the address may be
/// encoded already.
const NOT_IN_LOCATION: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

impl IntoResponse for Redirect {
    fn into_response(self) -> Result<Response> {
        let location = utf8_percent_encode(&self.url, NOT_IN_LOCATION);
        let headers = Headers::from([("Location", location)]);
        Ok(Response { status: Some(self.status), headers, ..Response::default() })
    }
}

macro_rules! tuples {
    ($($($element:ident)+;)*) => {$(
        impl<$($element: IntoResponse),+> IntoResponse for ($($element,)+) {
            #[expect(non_snake_case, reason = "the type parameters name the elements")]
            fn into_response(self) -> Result<Response> {
                let ($($element,)+) = self;
                let mut response = Response::default();
                $(response.join($element.into_response()?);)+
                Ok(response)
            }
        }
    )*};
}

tuples! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
    A B C D E F G H;
}
