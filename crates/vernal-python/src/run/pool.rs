//! Threads that take the interpreter once and keep it while there is work.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;

use super::{Job, Runner, Step};

/// How long a thread that has nothing to do is kept.
const REST: Duration = Duration::from_secs(10);

/// How long nothing may have been taken from the queue before another thread is started.
const PATIENCE: Duration = Duration::from_millis(2);

/// How many jobs may wait.
const WAITING: usize = 10_000;

thread_local! {
    static IS_HERE: Cell<bool> = const { Cell::new(false) };
}

/// Whether the calling thread is one of a pool.
pub(crate) fn is_here() -> bool {
    IS_HERE.get()
}

/// Threads for controllers that may block; their number grows while jobs wait in vain, and shrinks when they rest.
pub(crate) struct Pool(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// There is a job, or there will be none any more.
    work: Condvar,
    /// A job waits, and nobody rests.
    pressed: Condvar,
    most: usize,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// How many jobs have been taken.
    taken: u64,
    threads: usize,
    resting: usize,
    numbers: usize,
    has_keeper: bool,
    keeper_waits: bool,
    is_closed: bool,
}

impl Pool {
    /// A pool of at most this many threads; they are started when there is work.
    pub(crate) fn new(most: usize) -> Pool {
        let shared = Shared {
            state: Mutex::default(),
            work: Condvar::new(),
            pressed: Condvar::new(),
            most: most.max(1),
        };
        Pool(Arc::new(shared))
    }
}

impl Runner for Pool {
    fn submit(&self, job: Job) {
        let mut state = self.0.lock();
        let is_full = state.jobs.len() >= WAITING && !job.always_has_room();
        if state.is_closed || is_full {
            drop(state);
            return job.refuse();
        }
        state.jobs.push_back(job);
        if state.resting > 0 {
            drop(state);
            self.0.work.notify_one();
        } else if state.threads == 0 {
            self.0.start_thread(&mut state);
            let keeper = Arc::clone(&self.0);
            if !std::mem::replace(&mut state.has_keeper, true) {
                start("vernal-keeper", move || keeper.keep());
            }
        } else if std::mem::take(&mut state.keeper_waits) {
            drop(state);
            self.0.pressed.notify_one();
        }
    }
}

impl Drop for Pool {
    /// Those who work end when the queue is empty.
    fn drop(&mut self) {
        self.0.lock().is_closed = true;
        self.0.work.notify_all();
        self.0.pressed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start_thread(self: &Arc<Self>, state: &mut State) {
        state.threads += 1;
        state.numbers += 1;
        let (shared, number) = (Arc::clone(self), state.numbers);
        start("vernal-python", move || shared.work(number));
    }

    /// Starts another thread whenever jobs wait and none is taken for a while: those who work are blocked then.
    fn keep(self: &Arc<Self>) {
        let mut state = self.lock();
        while !state.is_closed {
            if state.jobs.is_empty() || state.threads >= self.most {
                state.keeper_waits = true;
                state = self.pressed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let taken = state.taken;
            drop(state);
            std::thread::sleep(PATIENCE);
            state = self.lock();
            if state.taken == taken && !state.jobs.is_empty() && state.threads < self.most {
                self.start_thread(&mut state);
            }
        }
    }

    /// The life of a thread.
    fn work(&self, number: usize) {
        IS_HERE.set(true);
        Python::attach(|py| {
            let mut thread = match PoolThread::begin(py, number) {
                Ok(thread) => thread,
                Err(error) => return tracing::error!(%error, "a thread for Python could not begin"),
            };
            while let Some(job) = self.next(py) {
                thread.run(py, job);
            }
            thread.end(py);
        });
        self.lock().threads -= 1;
    }

    /// The next job; waits without the interpreter. None when this thread is not needed any more.
    fn next(&self, py: Python<'_>) -> Option<Job> {
        if let Some(job) = self.lock().take() {
            return Some(job);
        }
        py.detach(|| {
            let mut state = self.lock();
            loop {
                if let Some(job) = state.take() {
                    return Some(job);
                }
                if state.is_closed {
                    return None;
                }
                state.resting += 1;
                let (locked, waited) =
                    self.work.wait_timeout(state, REST).unwrap_or_else(PoisonError::into_inner);
                state = locked;
                state.resting -= 1;
                if waited.timed_out() && state.jobs.is_empty() && state.threads > 1 {
                    return None;
                }
            }
        })
    }
}

impl State {
    fn take(&mut self) -> Option<Job> {
        let job = self.jobs.pop_front()?;
        self.taken += 1;
        Some(job)
    }
}

fn start(name: &str, work: impl FnOnce() + Send + 'static) {
    if let Err(error) = std::thread::Builder::new().name(name.to_owned()).spawn(work) {
        tracing::error!(%error, "a thread could not be started");
    }
}

/// A thread of the pool, with an event loop of its own for coroutines.
struct PoolThread {
    event_loop: Option<Py<PyAny>>,
}

impl PoolThread {
    fn begin(py: Python<'_>, number: usize) -> PyResult<PoolThread> {
        let thread = py.import("threading")?.call_method0("current_thread")?;
        thread.setattr("name", format!("ReqThread_{number}"))?;
        Ok(PoolThread { event_loop: None })
    }

    fn run(&mut self, py: Python<'_>, job: Job) {
        if let Step::Await(coroutine, finish) = job.run(py) {
            let result = self.run_to_end(py, coroutine);
            finish(py, result);
        }
    }

    fn run_to_end(&mut self, py: Python<'_>, coroutine: Py<PyAny>) -> PyResult<Py<PyAny>> {
        let event_loop = match &self.event_loop {
            Some(event_loop) => event_loop.bind(py).clone(),
            None => {
                let asyncio = py.import("asyncio")?;
                let event_loop = asyncio.call_method0("new_event_loop")?;
                asyncio.call_method1("set_event_loop", (&event_loop,))?;
                self.event_loop = Some(event_loop.clone().unbind());
                event_loop
            }
        };
        Ok(event_loop.call_method1("run_until_complete", (coroutine,))?.unbind())
    }

    fn end(self, py: Python<'_>) {
        if let Some(event_loop) = self.event_loop
            && let Err(error) = event_loop.bind(py).call_method0("close")
        {
            tracing::warn!(%error, "the event loop of a thread could not be closed");
        }
    }
}
