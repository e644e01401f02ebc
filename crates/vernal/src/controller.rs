//! The call: a function, or a method of an object, as something that answers a request.

mod call;
mod returns;

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::bind::{BodyUse, Kind, Param, Source};
use crate::guard::CatchPanic;
use crate::request::Request;
use crate::respond::{IntoResponse, Response};
use crate::{HttpError, Result};

pub use call::Call;

/// Answers requests. Implemented by the attributes, by closures through [`from_fn`] and [`from_async_fn`], and by
/// the other face.
pub trait Controller: Send + Sync + 'static {
    /// The arguments, as data.
    fn params(&self) -> &[Param];

    /// What of the body is read before the call; by default what the arguments ask for. Whether or not they ask, a body
    /// that cannot be read ends the request, before the controller hears of it.
    fn body_use(&self) -> BodyUse {
        BodyUse::of(self.params())
    }

    /// Whether the call may block its thread: then it runs on the blocking pool, unless the server was told
    /// `prefer_coroutine(true)`.
    fn may_block(&self) -> bool {
        false
    }

    /// Binds the arguments and calls.
    fn call<'r>(&'r self, request: &'r Request) -> Answer<'r>;

    /// Whether it is called elsewhere: then it is given [`Call`]s by [`take`](Controller::take), and neither
    /// [`call`](Controller::call) nor [`may_block`](Controller::may_block) counts.
    fn is_elsewhere(&self) -> bool {
        false
    }

    /// Takes a call that is made elsewhere. It must not block; whoever gets the call in the end answers it.
    ///
    /// ```
    /// use vernal::bind::Param;
    /// use vernal::controller::{Answer, Call, Controller};
    /// use vernal::testing::Client;
    /// use vernal::{App, HttpError, Request, Response, Route};
    ///
    /// /// Has a thread that answers.
    /// struct Elsewhere(std::sync::mpsc::Sender<Call>);
    ///
    /// impl Controller for Elsewhere {
    ///     fn params(&self) -> &[Param] {
    ///         &[]
    ///     }
    ///
    ///     fn call<'r>(&'r self, _: &'r Request) -> Answer<'r> {
    ///         Answer::Ready(Err(HttpError::new(500).into()))
    ///     }
    ///
    ///     fn is_elsewhere(&self) -> bool {
    ///         true
    ///     }
    ///
    ///     fn take(&self, call: Call) {
    ///         let _ = self.0.send(call); // one that cannot be sent is dropped, and answered with a 500
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> vernal::Result<()> {
    /// let (calls, received) = std::sync::mpsc::channel::<Call>();
    /// std::thread::spawn(move || {
    ///     for call in received {
    ///         let text = format!("{} was asked for", call.request().path());
    ///         call.answer(Ok(Response::new(200).body(text)));
    ///     }
    /// });
    /// let app = App::builder().route(Route::path("/a"), Elsewhere(calls)).build()?;
    /// assert_eq!(Client::new(app).get("/a").send().await.text(), "/a was asked for");
    /// # Ok(())
    /// # }
    /// ```
    fn take(&self, call: Call) {
        drop(call);
    }
}

/// The answer of a controller: there at once, or later.
pub enum Answer<'r> {
    /// There at once; nothing was allocated for it.
    Ready(Result<Response>),
    /// There when the future is done.
    Pending(Pin<Box<dyn Future<Output = Result<Response>> + Send + 'r>>),
}

impl<'r> Answer<'r> {
    /// The answer of an asynchronous controller.
    pub fn future(future: impl Future<Output = Result<Response>> + Send + 'r) -> Self {
        Answer::Pending(Box::pin(future))
    }

    /// The answer of a plain function: at once, where all its arguments are there at once.
    pub fn immediate(params: &[Param], future: impl Future<Output = Result<Response>> + Send + 'r) -> Self {
        if !params.iter().all(Param::is_immediate) {
            return Answer::future(future);
        }
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => Answer::Ready(result),
            Poll::Pending => {
                let explain = "an argument was not prepared before the call; call controllers through an App";
                Answer::Ready(Err(HttpError::new(500).explain(explain).into()))
            }
        }
    }

    /// Waits for the answer; a panic on the way becomes an error.
    pub(crate) async fn wait(self) -> Result<Response> {
        match self {
            Answer::Ready(result) => result,
            Answer::Pending(future) => CatchPanic(future).await,
        }
    }
}

/// A free function as a controller; what `#[route]` makes.
pub struct FunctionController {
    params: &'static [Param],
    may_block: bool,
    call: for<'r> fn(&'r Request) -> Answer<'r>,
}

impl FunctionController {
    /// A controller from the data and the call that an attribute generated.
    pub fn new(
        params: &'static [Param],
        may_block: bool,
        call: for<'r> fn(&'r Request) -> Answer<'r>,
    ) -> Self {
        FunctionController { params, may_block, call }
    }
}

impl Controller for FunctionController {
    fn params(&self) -> &[Param] {
        self.params
    }

    fn may_block(&self) -> bool {
        self.may_block
    }

    fn call<'r>(&'r self, request: &'r Request) -> Answer<'r> {
        (self.call)(request)
    }
}

/// The object that the methods of a controller struct are called on.
pub enum Object<T> {
    /// One object for all requests of an app.
    Singleton(Arc<T>),
    /// A new object for each request.
    PerRequest(fn() -> T),
}

/// The singletons of one app, made while it is built.
#[derive(Default)]
pub struct Objects(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl Objects {
    /// The app's one object of this type, made on first use.
    pub fn singleton<T: Send + Sync + 'static>(&mut self, make: fn() -> T) -> Object<T> {
        let object = self.0.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(make()));
        match Arc::clone(object).downcast() {
            Ok(object) => Object::Singleton(object),
            Err(_) => Object::PerRequest(make),
        }
    }

    /// A new object for each request.
    pub fn per_request<T: Send + Sync + 'static>(make: fn() -> T) -> Object<T> {
        Object::PerRequest(make)
    }
}

/// A method as a controller; what `#[controller]` makes.
pub struct MethodController<T> {
    object: Object<T>,
    params: &'static [Param],
    may_block: bool,
    call: for<'r> fn(&'r T, &'r Request) -> Answer<'r>,
}

impl<T> MethodController<T> {
    /// A controller from the object, the data and the call that an attribute generated.
    pub fn new(
        object: Object<T>,
        params: &'static [Param],
        may_block: bool,
        call: for<'r> fn(&'r T, &'r Request) -> Answer<'r>,
    ) -> Self {
        MethodController { object, params, may_block, call }
    }
}

impl<T: Send + Sync + 'static> Controller for MethodController<T> {
    fn params(&self) -> &[Param] {
        self.params
    }

    fn may_block(&self) -> bool {
        self.may_block
    }

    fn call<'r>(&'r self, request: &'r Request) -> Answer<'r> {
        match &self.object {
            Object::Singleton(object) => (self.call)(object, request),
            Object::PerRequest(make) => Answer::future(async move {
                let object = make();
                (self.call)(&object, request).wait().await
            }),
        }
    }
}

struct Closure<F>(F);

/// Closures may ask for any parameter, so those of a form are read before the call.
static ALL_PARAMETERS: [Param; 1] = [Param::new("parameters", Source::Request, Kind::Parameters).optional()];

/// A closure as a controller, without any attribute. It must not block.
///
/// ```
/// use vernal::{App, Request, Route, controller};
///
/// let hello = controller::from_fn(|request: &Request| format!("Hello, {}!", request.path_value("name").unwrap_or("you")));
/// let app = App::builder().route(Route::path("/hello/{name}"), hello).build()?;
/// # Ok::<(), vernal::Error>(())
/// ```
pub fn from_fn<F, R>(function: F) -> impl Controller
where
    F: Fn(&Request) -> R + Send + Sync + 'static,
    R: IntoResponse,
{
    closure(move |request| Answer::Ready(function(request).into_response()))
}

/// An asynchronous closure as a controller, without any attribute.
///
/// ```
/// use vernal::{App, Request, Route, controller};
///
/// let size = controller::from_async_fn(|request: &Request| Box::pin(async move {
///     Ok::<_, vernal::Error>(format!("{} bytes", request.bytes().await?.len()))
/// }));
/// let app = App::builder().route(Route::path("/size").method("POST"), size).build()?;
/// # Ok::<(), vernal::Error>(())
/// ```
pub fn from_async_fn<F, R>(function: F) -> impl Controller
where
    F: for<'r> Fn(&'r Request) -> Pin<Box<dyn Future<Output = R> + Send + 'r>> + Send + Sync + 'static,
    R: IntoResponse + 'static,
{
    closure(move |request| {
        let answer = function(request);
        Answer::future(async move { answer.await.into_response() })
    })
}

/// Names the lifetimes that a closure's own types leave open.
fn closure<F>(function: F) -> Closure<F>
where
    F: for<'r> Fn(&'r Request) -> Answer<'r> + Send + Sync + 'static,
{
    Closure(function)
}

impl<F> Controller for Closure<F>
where
    F: for<'r> Fn(&'r Request) -> Answer<'r> + Send + Sync + 'static,
{
    fn params(&self) -> &[Param] {
        &ALL_PARAMETERS
    }

    fn call<'r>(&'r self, request: &'r Request) -> Answer<'r> {
        (self.0)(request)
    }
}
