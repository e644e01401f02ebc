//! An app inside another server: `tower::Service`.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::app::App;
use crate::parse::Incoming;
use crate::request::Request;
use crate::respond::OutgoingBody;

/// An app as a `tower::Service` over the types of the `http` crate: it runs inside hyper, axum, a Lambda runtime.
#[derive(Clone)]
pub struct AppService(App);

impl App {
    /// This app as a `tower::Service`.
    ///
    /// ```
    /// use tower_service::Service;
    /// use vernal::{App, Request, Route, controller};
    ///
    /// let app = App::builder().route(Route::path("/"), controller::from_fn(|_: &Request| "hi")).build()?;
    /// let mut service = app.into_service();
    /// let answer = service.call(http::Request::new(String::new()));
    /// # Ok::<(), vernal::Error>(())
    /// ```
    pub fn into_service(self) -> AppService {
        AppService(self)
    }
}

impl<B> tower_service::Service<http::Request<B>> for AppService
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = http::Response<OutgoingBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let app = self.0.clone();
        let (parts, body) = request.into_parts();
        let request = Request::from_parts(parts, Incoming::new(Box::pin(body)));
        Box::pin(async move { Ok(app.handle(request).await) })
    }
}
