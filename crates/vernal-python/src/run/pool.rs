//! Threads that take the interpreter once and keep it while there is work.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use super::context::JobContext;
use super::passage::Passage;
use super::{Job, Runner, Step, settle_in_context};
use crate::names::Names;

/// How long a thread that has nothing to do is kept.
const REST: Duration = Duration::from_secs(10);

/// How long nothing may have been taken from the queue before another thread is started.
const PATIENCE: Duration = Duration::from_millis(2);

/// How long a thread that is not needed any more has to end.
const LAST_STEPS: Duration = Duration::from_secs(1);

/// How many jobs are gathered before somebody is woken for them, whether or not more will come at once.
const BATCH: usize = 32;

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
    /// Jobs wait, more than the thread that was woken for them can do at once.
    pressed: Condvar,
    /// A thread has ended.
    gone: Condvar,
    most: usize,
    waiting: usize,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// How many jobs nobody has been woken for.
    unannounced: usize,
    /// How many jobs have been taken.
    taken: u64,
    /// Threads by their numbers.
    threads: HashMap<usize, Arc<Worker>>,
    /// Those that wait for a job, among them those that have been woken and have not come yet.
    resting: usize,
    numbers: usize,
    has_keeper: bool,
    keeper_waits: bool,
    is_closed: bool,
}

/// A thread, as others see it.
#[derive(Default)]
struct Worker {
    /// What Python calls it, once it has begun.
    ident: OnceLock<u64>,
    /// Whether it does a job.
    is_working: AtomicBool,
}

impl Pool {
    /// A pool of at most this many threads, which are started when there is work; so many jobs may wait for them.
    pub(crate) fn new(most: usize, waiting: usize) -> Pool {
        let shared = Shared {
            state: Mutex::default(),
            work: Condvar::new(),
            pressed: Condvar::new(),
            gone: Condvar::new(),
            most: most.max(1),
            waiting,
        };
        Pool(Arc::new(shared))
    }
}

impl Runner for Pool {
    fn submit(&self, job: Job) {
        let mut state = self.0.lock();
        let is_full = state.jobs.len() >= self.0.waiting && !job.always_has_room();
        if state.is_closed || is_full {
            drop(state);
            return job.refuse();
        }
        state.jobs.push_back(job);
        if state.threads.is_empty() && !self.0.start_thread(&mut state) {
            let jobs = std::mem::take(&mut state.jobs);
            drop(state);
            return jobs.into_iter().for_each(Job::refuse);
        }
        self.0.ensure_keeper(&mut state);
        state.unannounced += 1;
        if state.unannounced >= BATCH {
            self.0.announce(state);
        }
    }

    fn flush(&self) {
        let state = self.0.lock();
        if state.unannounced > 0 {
            self.0.announce(state);
        }
    }

    fn close(&self, py: Python<'_>, patience: Duration) -> Vec<u64> {
        let jobs = {
            let mut state = self.0.lock();
            state.is_closed = true;
            std::mem::take(&mut state.jobs)
        };
        self.0.work.notify_all();
        self.0.pressed.notify_all();
        jobs.into_iter().for_each(Job::refuse);
        py.detach(|| self.0.wait_for_threads(patience))
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

    /// Wakes one who rests for all new jobs: a thread takes as many as it can, and where it is blocked by one of them
    /// the keeper finds others for the rest.
    fn announce(&self, mut state: MutexGuard<'_, State>) {
        state.unannounced = 0;
        let wakes_thread = state.resting > 0 && !state.jobs.is_empty();
        let is_pressed = state.jobs.len() > usize::from(wakes_thread);
        let wakes_keeper = is_pressed && std::mem::take(&mut state.keeper_waits);
        drop(state);
        if wakes_thread {
            self.work.notify_one();
        }
        if wakes_keeper {
            self.pressed.notify_one();
        }
    }

    /// Whether another thread could be started.
    fn start_thread(self: &Arc<Self>, state: &mut State) -> bool {
        state.numbers += 1;
        let (shared, number, worker) = (Arc::clone(self), state.numbers, Arc::<Worker>::default());
        let here = Arc::clone(&worker);
        let is_started = start("vernal-python", move || shared.work(number, &here));
        if is_started {
            state.threads.insert(number, worker);
        }
        is_started
    }

    fn ensure_keeper(self: &Arc<Self>, state: &mut State) {
        if !state.has_keeper {
            let keeper = Arc::clone(self);
            state.has_keeper = start("vernal-keeper", move || keeper.keep());
        }
    }

    /// Calls for another thread whenever jobs wait and none is taken for a while: those who work are blocked then.
    fn keep(self: &Arc<Self>) {
        let mut state = self.lock();
        while !state.is_closed {
            if state.jobs.is_empty() {
                state.keeper_waits = true;
                state = self.pressed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let taken = state.taken;
            drop(state);
            std::thread::sleep(PATIENCE);
            state = self.lock();
            if state.taken == taken && !state.jobs.is_empty() {
                self.reinforce(&mut state);
            }
        }
    }

    /// One thread more, of those that rest or a new one.
    fn reinforce(self: &Arc<Self>, state: &mut State) {
        if state.resting > 0 {
            self.work.notify_one();
        } else if state.threads.len() < self.most {
            self.start_thread(state);
        }
    }

    /// The life of a thread.
    fn work(self: Arc<Self>, number: usize, worker: &Worker) {
        IS_HERE.set(true);
        let _leaving = Leaving { shared: &self, number };
        // none where the interpreter is ending
        let _ = Python::try_attach(|py| {
            let mut thread = match PoolThread::begin(py, number) {
                Ok(thread) => thread,
                Err(error) => return tracing::error!(%error, "a thread for Python could not begin"),
            };
            let _ = worker.ident.set(thread.ident);
            while let Some(job) = self.next(py) {
                worker.is_working.store(true, Ordering::Release);
                thread.run(py, job);
                worker.is_working.store(false, Ordering::Release);
            }
            thread.end(py);
        });
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
                if waited.timed_out() && state.jobs.is_empty() && state.threads.len() > 1 {
                    return None;
                }
            }
        })
    }

    /// The threads that still do a job after this time: controllers that block. Those that do none are about to end, and
    /// waited for a little longer: the interpreter may end next.
    fn wait_for_threads(&self, patience: Duration) -> Vec<u64> {
        let end = Instant::now() + patience;
        let mut state = self.lock();
        loop {
            let are_idle = state.threads.values().any(|worker| !worker.is_working.load(Ordering::Acquire));
            let end = if are_idle { end + LAST_STEPS } else { end };
            let left = end.saturating_duration_since(Instant::now());
            if state.threads.is_empty() || left.is_zero() {
                break;
            }
            // whether one works can change without a word
            let left = left.min(PATIENCE);
            state = self.gone.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let working = state.threads.values().filter(|worker| worker.is_working.load(Ordering::Acquire));
        working.filter_map(|worker| worker.ident.get().copied()).collect()
    }
}

impl State {
    fn take(&mut self) -> Option<Job> {
        let job = self.jobs.pop_front()?;
        self.taken += 1;
        Some(job)
    }
}

/// Counts a thread as gone, whatever it ends by.
struct Leaving<'p> {
    shared: &'p Shared,
    number: usize,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.shared.lock().threads.remove(&self.number);
        self.shared.gone.notify_all();
    }
}

/// Whether the thread could be started.
fn start(name: &str, work: impl FnOnce() + Send + 'static) -> bool {
    let started = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    if let Err(error) = &started {
        tracing::error!(%error, "a thread could not be started");
    }
    started.is_ok()
}

/// A thread of the pool, with an event loop of its own for coroutines.
struct PoolThread {
    /// What Python calls it.
    ident: u64,
    event_loop: Option<ThreadLoop>,
}

/// The event loop of a thread, which runs only while a coroutine does.
struct ThreadLoop {
    event_loop: Py<PyAny>,
    passage: Passage,
}

impl PoolThread {
    fn begin(py: Python<'_>, number: usize) -> PyResult<PoolThread> {
        let thread = py.import("threading")?.call_method0("current_thread")?;
        thread.setattr("name", format!("ReqThread_{number}"))?;
        Ok(PoolThread { ident: thread.getattr("ident")?.extract()?, event_loop: None })
    }

    fn run(&mut self, py: Python<'_>, job: Job) {
        if let Err(error) = self.try_run(py, job) {
            error.write_unraisable(py, None);
        }
    }

    fn try_run(&mut self, py: Python<'_>, job: Job) -> PyResult<()> {
        let (context, step) = job.run_in_context(py)?;
        if let Step::Await(coroutine, finish) = step {
            let result = self.run_to_end(py, &context, coroutine);
            settle_in_context(py, &context, finish, result)?;
        }
        Ok(())
    }

    fn run_to_end(
        &mut self,
        py: Python<'_>,
        context: &JobContext,
        coroutine: Py<PyAny>,
    ) -> PyResult<Py<PyAny>> {
        let here = match &self.event_loop {
            Some(here) => here,
            None => self.event_loop.insert(ThreadLoop::new(py)?),
        };
        here.run_to_end(py, context, coroutine)
    }

    fn end(self, py: Python<'_>) {
        if let Some(event_loop) = self.event_loop
            && let Err(error) = event_loop.event_loop.bind(py).call_method0("close")
        {
            tracing::warn!(%error, "the event loop of a thread could not be closed");
        }
    }
}

impl ThreadLoop {
    fn new(py: Python<'_>) -> PyResult<ThreadLoop> {
        let asyncio = py.import("asyncio")?;
        let event_loop = asyncio.call_method0("new_event_loop")?;
        asyncio.call_method1("set_event_loop", (&event_loop,))?;
        let passage = Passage::new(&event_loop)?;
        event_loop.call_method1("run_until_complete", (passage.task(py),))?;
        Ok(ThreadLoop { passage, event_loop: event_loop.unbind() })
    }

    /// Runs a coroutine to its end; what it leaves behind in the loop is cancelled.
    fn run_to_end(&self, py: Python<'_>, context: &JobContext, coroutine: Py<PyAny>) -> PyResult<Py<PyAny>> {
        let (names, event_loop) = (Names::get(py)?, self.event_loop.bind(py));
        let coroutine = coroutine.into_bound(py);
        if !self.passage.takes(&coroutine)? {
            let result = context.call(py, (names.run_to_end.bind(py), event_loop, coroutine));
            return Ok(result?.unbind());
        }
        let result = self.passage.beside(py, || self.passage.run(context, &coroutine))?;
        if let Err(error) = names.cancel_left.bind(py).call1((event_loop,)) {
            error.write_unraisable(py, None);
        }
        result
    }
}
