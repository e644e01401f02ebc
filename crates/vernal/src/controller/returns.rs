//! The way back of calls that were made elsewhere: many answers, one wake-up.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, oneshot};

use super::call::Returned;

/// What came back for the requests of one thread's event loop.
///
/// Waking an event loop from another thread is a system call. Whoever brings an answer makes it only if no other answer
/// lies there that the loop has been woken for; a task of the loop hands them all on.
#[derive(Default)]
pub(super) struct Returns {
    answers: Mutex<Vec<(oneshot::Sender<Returned>, Returned)>>,
    arrived: Notify,
    /// Whether the runtime of the task has ended.
    is_closed: AtomicBool,
}

impl Returns {
    /// Those of the calling thread; none where it runs no event loop. A thread that has only entered a runtime polls
    /// what it does itself, and needs nobody's wake-up.
    pub(super) fn here() -> Option<Arc<Returns>> {
        tokio::task::try_id()?;
        thread_local! {
            static HERE: RefCell<Option<Arc<Returns>>> = const { RefCell::new(None) };
        }
        HERE.with_borrow_mut(|here| match here {
            Some(returns) if !returns.is_closed.load(Ordering::Acquire) => Some(Arc::clone(returns)),
            _ => {
                *here = Some(Returns::begin()?);
                here.clone()
            }
        })
    }

    fn begin() -> Option<Arc<Returns>> {
        let runtime = tokio::runtime::Handle::try_current().ok()?;
        let returns = Arc::<Returns>::default();
        let ending = Ending(Arc::clone(&returns));
        runtime.spawn(async move {
            loop {
                ending.0.arrived.notified().await;
                ending.0.hand_on();
            }
        });
        Some(returns)
    }

    /// Brings an answer.
    pub(super) fn bring(&self, way_back: oneshot::Sender<Returned>, answer: Returned) {
        let is_first = {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.push((way_back, answer));
            answers.len() == 1
        };
        if is_first {
            self.arrived.notify_one();
        }
        if self.is_closed.load(Ordering::Acquire) {
            self.hand_on();
        }
    }

    fn hand_on(&self) {
        let answers = std::mem::take(&mut *self.answers.lock().unwrap_or_else(PoisonError::into_inner));
        for (way_back, answer) in answers {
            let _ = way_back.send(answer);
        }
    }
}

/// Ends with the task that hands answers on; from then on they are handed on by whoever brings them.
struct Ending(Arc<Returns>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.is_closed.store(true, Ordering::Release);
        self.0.hand_on();
    }
}
