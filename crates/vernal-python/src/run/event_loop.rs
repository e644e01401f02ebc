//! An event loop of asyncio: jobs wait in a queue, and one wake-up fetches a whole batch of them.

use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::{Finish, Job, Runner, Step};

/// How many jobs may wait.
const WAITING: usize = 10_000;

/// Jobs for the event loop that a thread of Python runs.
pub(crate) struct EventLoop(Arc<Queue>);

struct Queue {
    jobs: Mutex<Waiting>,
    /// Whether the loop has been woken and has not come yet.
    is_awake: AtomicBool,
    wake: UnixStream,
}

#[derive(Default)]
struct Waiting {
    jobs: Vec<Job>,
    is_closed: bool,
}

impl EventLoop {
    /// Jobs for this loop, which must be the one of the calling thread.
    pub(crate) fn attach(event_loop: &Bound<'_, PyAny>) -> PyResult<(EventLoop, Py<Drain>)> {
        let py = event_loop.py();
        let (wake, woken) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        woken.set_nonblocking(true)?;
        let queue = Arc::new(Queue { jobs: Mutex::default(), is_awake: AtomicBool::new(false), wake });
        let descriptor = woken.as_raw_fd();
        let drain = Drain {
            queue: Arc::clone(&queue),
            woken: Mutex::new(woken),
            task: py.import("asyncio")?.getattr("Task")?.unbind(),
            eager: py.version_info() >= (3, 12),
            event_loop: event_loop.clone().unbind(),
            running: Mutex::default(),
        };
        let drain = Py::new(py, drain)?;
        event_loop.call_method1("add_reader", (descriptor, &drain))?;
        Ok((EventLoop(queue), drain))
    }
}

impl Runner for EventLoop {
    fn submit(&self, job: Job) {
        {
            let mut waiting = self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner);
            let is_full = waiting.jobs.len() >= WAITING && !job.always_has_room();
            if waiting.is_closed || is_full {
                drop(waiting);
                return job.refuse();
            }
            waiting.jobs.push(job);
        }
        if !self.0.is_awake.swap(true, Ordering::AcqRel) {
            // a full pipe has woken the loop already
            let _ = (&self.0.wake).write(&[1]);
        }
    }

    fn may_wait(&self) -> bool {
        false
    }
}

/// What the loop calls when there are jobs.
#[pyclass(frozen, module = "simple_http_server._engine")]
pub(crate) struct Drain {
    queue: Arc<Queue>,
    woken: Mutex<UnixStream>,
    task: Py<PyAny>,
    /// Whether tasks can begin at once.
    eager: bool,
    event_loop: Py<PyAny>,
    /// Tasks that have not ended: the loop itself holds them weakly.
    running: Mutex<std::collections::HashMap<usize, Py<PyAny>>>,
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
        drain.queue.is_awake.store(false, Ordering::Release);
        let jobs = {
            let mut waiting = drain.queue.jobs.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut waiting.jobs)
        };
        for job in jobs {
            let started = std::time::Instant::now();
            let name = job.name(py);
            if let Step::Await(coroutine, finish) = job.run(py) {
                Drain::begin(slf, coroutine, finish);
            }
            warn_if_long(started, &name);
        }
    }
}

impl Drain {
    /// Takes no more jobs; those that wait are refused.
    pub(crate) fn close(&self, py: Python<'_>) -> PyResult<()> {
        let jobs = {
            let mut waiting = self.queue.jobs.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.is_closed = true;
            std::mem::take(&mut waiting.jobs)
        };
        jobs.into_iter().for_each(Job::refuse);
        let descriptor = self.woken.lock().unwrap_or_else(PoisonError::into_inner).as_raw_fd();
        self.event_loop.bind(py).call_method1("remove_reader", (descriptor,))?;
        Ok(())
    }

    /// The tasks that have not ended.
    pub(crate) fn tasks(&self, py: Python<'_>) -> Vec<Py<PyAny>> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.values().map(|task| task.clone_ref(py)).collect()
    }

    /// Makes a task of a coroutine.
    fn begin(slf: &Bound<'_, Self>, coroutine: Py<PyAny>, finish: Finish) {
        let py = slf.py();
        if let Err(error) = Drain::try_begin(slf, coroutine, finish) {
            error.write_unraisable(py, None);
        }
    }

    fn try_begin(slf: &Bound<'_, Self>, coroutine: Py<PyAny>, finish: Finish) -> PyResult<()> {
        let py = slf.py();
        let drain = slf.get();
        let options = PyDict::new(py);
        options.set_item("loop", &drain.event_loop)?;
        if drain.eager {
            options.set_item("eager_start", true)?;
        }
        let task = drain.task.bind(py).call((coroutine,), Some(&options))?;
        let done = Done { drain: slf.clone().unbind(), finish: Mutex::new(Some(finish)) };
        if task.call_method0("done")?.is_truthy()? {
            done.__call__(&task);
            return Ok(());
        }
        drain.lock_running().insert(task.as_ptr() as usize, task.clone().unbind());
        task.call_method1("add_done_callback", (done,))?;
        Ok(())
    }

    fn lock_running(&self) -> std::sync::MutexGuard<'_, std::collections::HashMap<usize, Py<PyAny>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a task calls when it has ended.
#[pyclass(frozen, module = "simple_http_server._engine")]
struct Done {
    drain: Py<Drain>,
    finish: Mutex<Option<Finish>>,
}

#[pymethods]
impl Done {
    fn __call__(&self, task: &Bound<'_, PyAny>) {
        let py = task.py();
        self.drain.get().lock_running().remove(&(task.as_ptr() as usize));
        let finish = self.finish.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(finish) = finish {
            finish(py, task.call_method0("result").map(Bound::unbind));
        }
    }
}

/// How long a job may keep the loop before the log names it.
const LONG: std::time::Duration = std::time::Duration::from_millis(100);

fn warn_if_long(started: std::time::Instant, name: &str) {
    let took = started.elapsed();
    if took > LONG {
        tracing::warn!("{name} kept the event loop for {} ms", took.as_millis());
    }
}
