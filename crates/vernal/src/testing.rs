//! Calls an app in process: no port, no socket, with cookies.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::request::Request;
use crate::respond::OutgoingBody;
use crate::{Error, Headers, Result};

#[cfg(feature = "websocket")]
mod websocket;

#[cfg(feature = "websocket")]
pub use websocket::{Message, Socket};

/// A client that calls an app in process and keeps its cookies, as a browser does.
///
/// ```
/// use vernal::testing::Client;
/// use vernal::{App, Request, Route, controller};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let app = App::builder().route(Route::path("/"), controller::from_fn(|_: &Request| "hi")).build()?;
/// let answer = Client::new(app).get("/").send().await;
/// assert_eq!((answer.status(), answer.text()), (200, "hi"));
/// # Ok::<(), vernal::Error>(()) })?;
/// # Ok::<(), vernal::Error>(())
/// ```
pub struct Client {
    app: App,
    cookies: Mutex<BTreeMap<String, String>>,
}

impl Client {
    /// A client without cookies.
    pub fn new(app: App) -> Self {
        Client { app, cookies: Mutex::default() }
    }

    /// Begins a request with this method.
    pub fn request(&self, method: &str, target: &str) -> Call<'_> {
        Call { client: self, request: Request::new(method, target) }
    }

    /// Begins a GET.
    pub fn get(&self, target: &str) -> Call<'_> {
        self.request("GET", target)
    }

    /// Begins a POST.
    pub fn post(&self, target: &str) -> Call<'_> {
        self.request("POST", target)
    }

    /// The value of a cookie that the app has set.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.jar().get(name).cloned()
    }

    fn jar(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what the app has answered.
    async fn answer(&self, sent: http::Response<OutgoingBody>) -> Answer {
        let (parts, body) = sent.into_parts();
        let headers = Headers::from(parts.headers);
        self.remember(&headers);
        let (body, failure) = read(body).await;
        Answer { status: parts.status.as_u16(), headers, body, failure }
    }

    /// Keeps what the answer says of cookies.
    fn remember(&self, headers: &Headers) {
        for field in headers.get_all("set-cookie") {
            let (pair, attributes) = field.split_once(';').unwrap_or((field, ""));
            let Some((name, value)) = pair.split_once('=') else { continue };
            if attributes.contains("Max-Age=0") {
                self.jar().remove(name);
            } else {
                self.jar().insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// A request that is being put together.
pub struct Call<'c> {
    client: &'c Client,
    request: Request,
}

impl Call<'_> {
    /// Adds a header field.
    pub fn header(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.request = self.request.with_header(name, value);
        self
    }

    /// Sets the body; its content type is the caller's.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.request = self.request.with_body(body);
        self
    }

    /// Sends these parameters as a form.
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let encode = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
        };
        let pairs: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        self.header("Content-Type", "application/x-www-form-urlencoded").body(pairs.join("&"))
    }

    /// Sends this value as JSON.
    ///
    /// # Panics
    ///
    /// When the value cannot be JSON.
    pub fn json(self, value: &impl Serialize) -> Self {
        let text =
            serde_json::to_vec(value).unwrap_or_else(|error| panic!("a test sends what is no JSON: {error}"));
        self.header("Content-Type", "application/json").body(text)
    }

    /// Calls the app and reads the whole answer.
    pub async fn send(mut self) -> Answer {
        self.add_cookies();
        self.client.answer(self.client.app.handle(self.request).await).await
    }

    fn add_cookies(&mut self) {
        let cookies: Vec<String> =
            self.client.jar().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            self.request.headers.append("Cookie", cookies.join("; "));
        }
    }
}

/// All bytes of a body, and the error that broke it off.
async fn read(body: OutgoingBody) -> (Bytes, Option<Error>) {
    let mut body = pin!(body);
    let mut bytes = BytesMut::new();
    while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
        match frame.map(http_body::Frame::into_data) {
            Ok(Ok(data)) => bytes.extend_from_slice(&data),
            Ok(Err(_)) => {}
            Err(error) => return (bytes.freeze(), Some(std::io::Error::other(error).into())),
        }
    }
    (bytes.freeze(), None)
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    status: u16,
    headers: Headers,
    body: Bytes,
    failure: Option<Error>,
}

impl Answer {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// A header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// All header fields.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The body.
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// The body as text; empty where it is not UTF-8.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or_default()
    }

    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// When it is not JSON of this shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// The error that broke the body off, if one did.
    pub fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }
}
