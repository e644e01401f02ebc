//! The body of a request, as its host brings it: whoever asks the engine for the next step brings a piece when it is
//! wanted, and nobody who waits for one keeps anything else.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_core::Stream;

/// The body of a request, as its pieces come.
#[derive(Default)]
pub(super) struct Body(Mutex<State>);

#[derive(Default)]
struct State {
    pieces: VecDeque<Bytes>,
    has_ended: bool,
    /// Why it ends before its end.
    failure: Option<String>,
    /// Whoever has asked in vain.
    reader: Option<Waker>,
    /// Rings where somebody else than the exchange has asked in vain.
    alarm: Option<Waker>,
}

impl Body {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whom to wake when the body is wanted.
    pub(super) fn ring(&self, alarm: Waker) {
        self.lock().alarm = Some(alarm);
    }

    /// Whether somebody waits for more.
    pub(super) fn is_wanted(&self) -> bool {
        self.lock().reader.is_some()
    }

    /// Adds a piece.
    pub(super) fn feed(&self, piece: Bytes) {
        self.change(|state| state.pieces.push_back(piece));
    }

    /// Nothing more comes.
    pub(super) fn end(&self) {
        self.change(|state| state.has_ended = true);
    }

    /// Ends it before its end.
    pub(super) fn break_off(&self, why: String) {
        self.change(|state| state.failure = Some(why));
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let reader = {
            let mut state = self.lock();
            change(&mut state);
            state.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

/// The end of a body that the engine reads.
pub(super) struct Arriving(pub(super) Arc<Body>);

impl Stream for Arriving {
    type Item = Result<Bytes, String>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.0.lock();
        if let Some(piece) = state.pieces.pop_front() {
            return Poll::Ready(Some(Ok(piece)));
        }
        if let Some(failure) = &state.failure {
            return Poll::Ready(Some(Err(failure.clone())));
        }
        if state.has_ended {
            return Poll::Ready(None);
        }
        state.reader = Some(context.waker().clone());
        let is_known =
            |alarm: &Waker| [alarm, Waker::noop()].iter().any(|known| known.will_wake(context.waker()));
        let alarm = state.alarm.clone().filter(|alarm| !is_known(alarm));
        drop(state);
        if let Some(alarm) = alarm {
            alarm.wake();
        }
        Poll::Pending
    }
}
