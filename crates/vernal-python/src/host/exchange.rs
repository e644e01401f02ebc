//! A request and its answer, step by step, on the thread of whoever asks for the next step.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_LENGTH;
use http::response::Parts;
use http_body::Body as _;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use vernal::{HttpError, OutgoingBody, Request};

use super::alarm::Alarm;
use crate::run::Job;
use crate::run::here::polling;
use crate::runtime::runtime;

/// A request on its way to an answer.
pub(crate) struct Exchange {
    progress: Mutex<Progress>,
    /// Jobs that somebody has to run before anything goes on.
    jobs: Mutex<VecDeque<Job>>,
    alarm: Arc<Alarm>,
}

enum Progress {
    Handling(Pin<Box<dyn Future<Output = http::Response<OutgoingBody>> + Send>>),
    Sending(Pin<Box<OutgoingBody>>),
    Ended,
}

/// What comes next.
pub(crate) enum Next {
    /// Something to be run.
    Job(Job),
    /// Status and fields, and the body if all of it is there.
    Head(Box<Parts>, Option<Bytes>),
    /// A piece of the body.
    Piece(Bytes),
    /// The body has ended.
    End,
    /// Nothing yet: the alarm will ring.
    Waits,
}

impl Exchange {
    /// The exchange for a request, or for what is none.
    pub(crate) fn new(app: vernal::App, request: Result<Request, HttpError>) -> Exchange {
        let handling: Pin<Box<dyn Future<Output = _> + Send>> = match request {
            Ok(request) => Box::pin(async move { app.handle(request).await }),
            Err(error) => Box::pin(async move { app.refusal(error).await }),
        };
        Exchange {
            progress: Mutex::new(Progress::Handling(handling)),
            jobs: Mutex::default(),
            alarm: Arc::default(),
        }
    }

    pub(crate) fn alarm(&self) -> &Arc<Alarm> {
        &self.alarm
    }

    /// The next step.
    ///
    /// # Errors
    ///
    /// `OSError` where the rest of a body cannot be read: what was sent of it must not look as if it were whole.
    pub(crate) fn next(&self) -> PyResult<Next> {
        if let Some(job) = self.lock_jobs().pop_front() {
            return Ok(Next::Job(job));
        }
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        self.go_on(&mut progress)
    }

    /// The next step that is the engine's; jobs stay where they are, and so does an exchange that is being polled.
    pub(crate) fn next_of_engine(&self) -> PyResult<Next> {
        let mut progress = match self.progress.try_lock() {
            Ok(progress) => progress,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(Next::Waits),
        };
        if !self.lock_jobs().is_empty() {
            return Ok(Next::Waits);
        }
        let next = self.go_on(&mut progress)?;
        Ok(match next {
            Next::Job(job) => {
                self.lock_jobs().push_front(job);
                Next::Waits
            }
            next => next,
        })
    }

    /// Gives up: nobody wants the answer, or the rest of it.
    pub(crate) fn close(&self) {
        self.alarm.listen(None);
        // dropped when the locks are free: what is dropped may be Python's
        let jobs = std::mem::take(&mut *self.lock_jobs());
        let progress =
            self.progress.lock().map(|mut progress| std::mem::replace(&mut *progress, Progress::Ended));
        drop((jobs, progress));
    }

    fn lock_jobs(&self) -> MutexGuard<'_, VecDeque<Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn go_on(&self, progress: &mut Progress) -> PyResult<Next> {
        let _inside = runtime()?.enter();
        self.alarm.reset();
        let waker = Waker::from(Arc::clone(&self.alarm));
        let mut context = Context::from_waker(&waker);
        let poll = || catch_unwind(AssertUnwindSafe(|| progress.poll(&mut context)));
        let (polled, mut jobs) = polling(poll);
        let next = match polled {
            Ok(next) => next,
            Err(_) => progress.give_up(),
        };
        // what waits for a job waits for nothing else
        let first = if matches!(next, Ok(Next::Waits)) { jobs.pop_front() } else { None };
        self.lock_jobs().extend(jobs);
        match first {
            Some(job) => Ok(Next::Job(job)),
            None => next,
        }
    }
}

impl Progress {
    fn poll(&mut self, context: &mut Context<'_>) -> PyResult<Next> {
        match self {
            Progress::Handling(handling) => match handling.as_mut().poll(context) {
                Poll::Pending => Ok(Next::Waits),
                Poll::Ready(answer) => Ok(self.answered(answer)),
            },
            Progress::Sending(body) => loop {
                match body.as_mut().poll_frame(context) {
                    Poll::Pending => return Ok(Next::Waits),
                    Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                        Ok(piece) if !piece.is_empty() => return Ok(Next::Piece(piece)),
                        _ => {}
                    },
                    Poll::Ready(Some(Err(error))) => {
                        *self = Progress::Ended;
                        return Err(PyOSError::new_err(format!("the body broke off: {error}")));
                    }
                    Poll::Ready(None) => {
                        *self = Progress::Ended;
                        return Ok(Next::End);
                    }
                }
            },
            Progress::Ended => Ok(Next::End),
        }
    }

    fn answered(&mut self, answer: http::Response<OutgoingBody>) -> Next {
        let (mut head, body) = answer.into_parts();
        let has_length = matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
            || head.headers.contains_key(CONTENT_LENGTH);
        if let (false, Some(length)) = (has_length, body.size_hint().exact()) {
            head.headers.insert(CONTENT_LENGTH, length.into());
        }
        let (whole, progress) = match body.into_memory() {
            Ok(whole) => (Some(whole), Progress::Ended),
            Err(body) => (None, Progress::Sending(Box::pin(body))),
        };
        *self = progress;
        Next::Head(Box::new(head), whole)
    }

    /// After a panic, which has been reported where it happened.
    fn give_up(&mut self) -> PyResult<Next> {
        match std::mem::replace(self, Progress::Ended) {
            Progress::Handling(_) => {
                let (mut head, ()) = http::Response::new(()).into_parts();
                head.status = StatusCode::INTERNAL_SERVER_ERROR;
                Ok(Next::Head(Box::new(head), Some(Bytes::new())))
            }
            Progress::Sending(_) | Progress::Ended => Err(PyOSError::new_err("the body broke off")),
        }
    }
}
