//! A call that is made somewhere else than on the event loop.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::returns::Returns;
use crate::request::Request;
use crate::respond::Response;
use crate::{HttpError, Result};

/// A request on its way to a controller that is called elsewhere: on a thread of its own, in another event loop, in the
/// process of another language.
///
/// Whoever has it answers it once, from any thread. One that is dropped without an answer is answered with a 500, so
/// that no request waits for ever.
pub struct Call {
    request: Option<Arc<Request>>,
    way_back: Option<oneshot::Sender<Returned>>,
    returns: Option<Arc<Returns>>,
}

/// An answer, or an error with what was set before it happened.
pub(super) type Returned = Result<Response, (crate::Error, Option<Box<Response>>)>;

/// Where the answer to a [`Call`] arrives.
pub(crate) struct Awaited {
    request: Arc<Request>,
    answer: oneshot::Receiver<Returned>,
}

impl Call {
    /// A call for this request, and the place where its answer arrives.
    pub(crate) fn new(request: Request) -> (Call, Awaited) {
        let (way_back, answer) = oneshot::channel();
        let request = Arc::new(request);
        let awaited = Awaited { request: Arc::clone(&request), answer };
        (Call { request: Some(request), way_back: Some(way_back), returns: Returns::here() }, awaited)
    }

    /// What the client asked for. The body has been read as far as the controller said that it needs it.
    ///
    /// Whoever keeps the request beyond the answer makes the engine copy what it still needs of it.
    pub fn request(&self) -> &Arc<Request> {
        // taken by `answer` and `drop` alone, after which there is no call
        self.request.as_ref().unwrap_or_else(|| unreachable!("a call has its request until it is answered"))
    }

    /// Whether somebody still waits for the answer; not if the client has gone or the server has cut it.
    pub fn is_awaited(&self) -> bool {
        self.way_back.as_ref().is_some_and(|way_back| !way_back.is_closed())
    }

    /// Answers. An answer that nobody waits for any more is dropped.
    pub fn answer(mut self, answer: Result<Response>) {
        self.send(answer.map_err(|error| (error, None)));
    }

    /// Answers with an error, whose page has the fields and the cookies of `so_far` as well.
    pub fn fail(mut self, error: impl Into<crate::Error>, so_far: Response) {
        self.send(Err((error.into(), Some(Box::new(so_far)))));
    }

    fn send(&mut self, answer: Returned) {
        // before the answer, so that the one who waits is the only one left who has it
        self.request = None;
        match (self.way_back.take(), self.returns.take()) {
            (Some(way_back), Some(returns)) => returns.bring(way_back, answer),
            (Some(way_back), None) => drop(way_back.send(answer)),
            (None, _) => {}
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if self.way_back.is_some() {
            let explain = "the call was given up before it was answered";
            self.send(Err((HttpError::new(500).explain(explain).into(), None)));
        }
    }
}

impl Awaited {
    /// Waits; the request comes back with the answer, to where it was.
    pub(crate) async fn wait(self, place: &mut Request) -> Result<Response> {
        let unanswered = |_| Err((HttpError::new(500).explain("the call was given up").into(), None));
        let answer = self.answer.await.unwrap_or_else(unanswered);
        *place = Arc::try_unwrap(self.request).unwrap_or_else(|kept| kept.copy());
        answer.map_err(|(error, so_far)| {
            if let Some(so_far) = so_far {
                place.set_aside(*so_far);
            }
            error
        })
    }
}
