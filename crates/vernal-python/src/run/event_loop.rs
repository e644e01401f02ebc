//! An event loop of asyncio: jobs wait in a queue, and one wake-up fetches a whole batch of them.

use std::collections::HashMap;
use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::attention::{self, Attention, LONG};
use super::context::JobContext;
use super::passage::Passage;
use super::{Finish, Job, Runner, Step, settle_in_context};
use crate::names::Names;

/// Jobs for the event loop that a thread of Python runs.
pub(crate) struct EventLoop(Arc<Queue>);

/// The way into the loop.
pub(crate) struct Queue {
    jobs: Mutex<Waiting>,
    waiting: usize,
    /// Whether the loop has been woken and has not come yet.
    is_awake: AtomicBool,
    /// Until there is a loop, nobody is woken.
    wake: OnceLock<PipeWriter>,
    /// How often the loop has come.
    turns: AtomicU64,
    pub(super) attention: Attention,
}

#[derive(Default)]
struct Waiting {
    jobs: Vec<Job>,
    /// Whether the loop has not been woken for the last of them.
    unannounced: bool,
    is_closed: bool,
}

impl EventLoop {
    /// A queue for a loop that is still to come, with room for so many jobs.
    pub(crate) fn new(waiting: usize) -> EventLoop {
        EventLoop(Arc::new(Queue {
            jobs: Mutex::default(),
            waiting,
            is_awake: AtomicBool::new(false),
            wake: OnceLock::new(),
            turns: AtomicU64::new(0),
            attention: Attention::default(),
        }))
    }

    /// Has this loop do the jobs; it must be the one of the calling thread.
    pub(crate) fn attach(&self, event_loop: &Bound<'_, PyAny>) -> PyResult<Py<Drain>> {
        let py = event_loop.py();
        let (woken, wake) = std::io::pipe()?;
        rustix::io::ioctl_fionbio(&wake, true).map_err(io::Error::from)?;
        rustix::io::ioctl_fionbio(&woken, true).map_err(io::Error::from)?;
        let descriptor = woken.as_raw_fd();
        let drain = Drain {
            queue: Arc::clone(&self.0),
            woken: Mutex::new(woken),
            make_task: task_maker(event_loop)?,
            event_loop: event_loop.clone().unbind(),
            passage: Passage::new(event_loop)?,
            running: Mutex::default(),
        };
        let drain = Py::new(py, drain)?;
        event_loop.call_method1("add_reader", (descriptor, &drain))?;
        let thread = py.import("threading")?.call_method0("get_ident")?.extract()?;
        let _ = self.0.wake.set(wake);
        // for those who came before
        self.0.wake();
        attention::pay(&self.0, thread)?;
        Ok(drain)
    }
}

/// `asyncio.Task` for this loop; tasks begin at once where they can, from Python 3.12 on.
fn task_maker(event_loop: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    let py = event_loop.py();
    let options = PyDict::new(py);
    options.set_item("loop", event_loop)?;
    if py.version_info() >= (3, 12) {
        options.set_item("eager_start", true)?;
    }
    let task = py.import("asyncio")?.getattr("Task")?;
    Ok(py.import("functools")?.getattr("partial")?.call((task,), Some(&options))?.unbind())
}

/// How many jobs are gathered before the loop is woken for them, whether or not more will come at once.
const BATCH: usize = 32;

impl EventLoop {
    fn announce(&self) {
        if self.0.wake() {
            self.0.attention.call();
        }
    }
}

impl Runner for EventLoop {
    fn submit(&self, job: Job) {
        {
            let mut waiting = self.0.lock();
            let is_full = waiting.jobs.len() >= self.0.waiting && !job.always_has_room();
            if waiting.is_closed || is_full {
                drop(waiting);
                return job.refuse();
            }
            waiting.jobs.push(job);
            waiting.unannounced = waiting.jobs.len() < BATCH;
            if waiting.unannounced {
                return;
            }
        }
        self.announce();
    }

    fn flush(&self) {
        let unannounced = std::mem::take(&mut self.0.lock().unannounced);
        if unannounced {
            self.announce();
        }
    }

    fn may_wait(&self) -> bool {
        false
    }
}

impl Queue {
    /// Has the loop come; whether it had not been asked to before.
    pub(super) fn wake(&self) -> bool {
        let Some(mut wake) = self.wake.get() else { return false };
        let is_asleep = !self.is_awake.swap(true, Ordering::SeqCst);
        if is_asleep {
            // a full pipe has woken the loop already
            let _ = wake.write(&[1]);
        }
        is_asleep
    }

    /// Whether the loop is about to come.
    pub(super) fn is_awake(&self) -> bool {
        self.is_awake.load(Ordering::SeqCst)
    }

    /// How often the loop has come.
    pub(super) fn turns(&self) -> u64 {
        self.turns.load(Ordering::Acquire)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the loop calls when there are jobs.
#[pyclass(frozen, module = "simple_http_server._engine")]
pub(crate) struct Drain {
    queue: Arc<Queue>,
    woken: Mutex<PipeReader>,
    /// Makes a task of a coroutine.
    make_task: Py<PyAny>,
    event_loop: Py<PyAny>,
    passage: Passage,
    /// Tasks that have not ended: the loop itself holds them weakly.
    running: Mutex<HashMap<usize, Py<PyAny>>>,
}

#[pymethods]
impl Drain {
    /// Runs the jobs that wait.
    fn __call__(slf: &Bound<'_, Self>) {
        let py = slf.py();
        let drain = slf.get();
        let mut bytes = [0; 64];
        if let Ok(mut woken) = drain.woken.lock() {
            let _ = woken.read(&mut bytes);
        }
        drain.queue.attention.works(true);
        drain.queue.turns.fetch_add(1, Ordering::AcqRel);
        drain.queue.is_awake.store(false, Ordering::Release);
        let jobs = std::mem::take(&mut drain.queue.lock().jobs);
        if let Err(error) = drain.passage.within(py, || Drain::run(slf, jobs)) {
            error.write_unraisable(py, None);
        }
        drain.queue.attention.works(false);
    }
}

impl Drain {
    fn run(slf: &Bound<'_, Self>, jobs: Vec<Job>) {
        let py = slf.py();
        let mut began = Instant::now();
        for job in jobs {
            let location = job.location();
            if let Err(error) = Drain::begin(slf, job) {
                error.write_unraisable(py, None);
            }
            let ended = Instant::now();
            let took = ended - began;
            began = ended;
            if took > LONG
                && let Some(location) = location
            {
                slf.get().queue.attention.complain(py, location, took);
            }
        }
    }

    /// Takes no more jobs; those that wait are refused.
    pub(crate) fn close(&self, py: Python<'_>) -> PyResult<()> {
        let jobs = {
            let mut waiting = self.queue.lock();
            waiting.is_closed = true;
            std::mem::take(&mut waiting.jobs)
        };
        jobs.into_iter().for_each(Job::refuse);
        self.queue.attention.call();
        let descriptor = self.woken.lock().unwrap_or_else(PoisonError::into_inner).as_raw_fd();
        self.event_loop.bind(py).call_method1("remove_reader", (descriptor,))?;
        Ok(())
    }

    /// The tasks that have not ended.
    pub(crate) fn tasks(&self, py: Python<'_>) -> Vec<Py<PyAny>> {
        self.lock_running().values().map(|task| task.clone_ref(py)).collect()
    }

    /// Does a job, or makes a task of its coroutine.
    fn begin(slf: &Bound<'_, Self>, job: Job) -> PyResult<()> {
        let py = slf.py();
        let drain = slf.get();
        let (context, step) = job.run_in_context(py)?;
        let Step::Await(coroutine, finish) = step else { return Ok(()) };
        let coroutine = coroutine.into_bound(py);
        if drain.passage.takes(&coroutine)? {
            let result = drain.passage.run(&context, &coroutine);
            return settle_in_context(py, &context, finish, result);
        }
        let task = drain.begin_task(&context, coroutine)?;
        let done = Done { drain: slf.clone().unbind(), context, finish: Mutex::new(Some(finish)) };
        if task.call_method0("done")?.is_truthy()? {
            done.__call__(&task);
            return Ok(());
        }
        drain.queue.attention.began();
        drain.lock_running().insert(task.as_ptr() as usize, task.clone().unbind());
        task.call_method1("add_done_callback", (done,))?;
        Ok(())
    }

    /// A task for a coroutine, with the context that it has so far.
    fn begin_task<'py>(
        &self,
        context: &JobContext,
        mut coroutine: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = coroutine.py();
        // one that has begun is `_flow.run`, which lets nothing out that would end the loop either
        if coroutine.getattr("cr_await")?.is_none() {
            coroutine = Names::get(py)?.contained.bind(py).call1((coroutine,))?;
        }
        context.call(py, (&self.make_task, coroutine))
    }

    fn lock_running(&self) -> MutexGuard<'_, HashMap<usize, Py<PyAny>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a task calls when it has ended.
#[pyclass(frozen, module = "simple_http_server._engine")]
struct Done {
    drain: Py<Drain>,
    context: JobContext,
    finish: Mutex<Option<Finish>>,
}

#[pymethods]
impl Done {
    fn __call__(&self, task: &Bound<'_, PyAny>) {
        let py = task.py();
        let drain = self.drain.get();
        if drain.lock_running().remove(&(task.as_ptr() as usize)).is_some() {
            drain.queue.attention.ended();
        }
        let finish = self.finish.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(finish) = finish {
            let result = task.call_method0("result").map(Bound::unbind);
            if let Err(error) = settle_in_context(py, &self.context, finish, result) {
                error.write_unraisable(py, None);
            }
        }
    }
}
