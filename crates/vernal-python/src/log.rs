//! What the engine logs, for the package's loggers.
//!
//! A thread of the engine's own only puts a line into a queue; a thread that may wait for the interpreter hands them on,
//! many at a time.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pyo3::prelude::*;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};

use crate::forked::PerProcess;

/// How many lines may wait; those beyond are counted and left out.
const WAITING: usize = 10_000;

/// How long lines are gathered before the interpreter is asked for, so that a busy server asks seldom.
const GATHER: Duration = Duration::from_millis(10);

/// The target of the engine's access log.
const ACCESS: &str = "vernal::access";

/// A line: the number of its level in Python, whether it is of the access log, seconds since the epoch, text.
type Line = (u8, bool, f64, String);

/// What travels to the thread that logs.
enum Message {
    Line(Line),
    /// Everything before this has been handed on when the sender is dropped.
    Flush(SyncSender<()>),
}

/// The way of the lines in one process.
struct Log {
    /// The way to the thread that logs, once there is one.
    queue: Mutex<Option<SyncSender<Message>>>,
    /// Whether lines are handed on no more; locked while some are.
    has_ended: Mutex<bool>,
}

/// The lowest level that anybody wants, as Python counts levels.
static LEVEL: AtomicU8 = AtomicU8::new(20);

/// How many lines found no room.
static LOST: AtomicU64 = AtomicU64::new(0);

static LOG: PerProcess<Log> = PerProcess::new(Log::new());

/// What takes the lines: `take(lines)`.
static TAKE: OnceLock<Py<PyAny>> = OnceLock::new();

/// Hands what the engine logs to this function, a list of lines at a time; a line is `(level, is_access, time, text)`.
#[pyfunction]
pub(crate) fn log_to(take: Py<PyAny>) {
    if TAKE.set(take).is_ok() {
        // there is no other subscriber: the library is this module's alone
        let _ = tracing::subscriber::set_global_default(Lines);
    }
}

/// Says which lines are wanted: those of this level, as Python counts it, and above.
#[pyfunction]
pub(crate) fn log_level(level: u8) {
    LEVEL.store(level, Ordering::Relaxed);
}

/// Waits until everything that was logged so far has been handed on, for this many seconds at most.
#[pyfunction]
pub(crate) fn log_flush(py: Python<'_>, seconds: f64) {
    let (flushed, wait) = sync_channel(0);
    let Some(sender) = LOG.get().queue().clone() else { return };
    if sender.try_send(Message::Flush(flushed)).is_err() {
        return;
    }
    let most = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    let _ = py.detach(move || wait.recv_timeout(most));
}

/// Hands on what was logged so far, for this many seconds at most, and nothing after that: the interpreter ends, and would
/// end the process as well if somebody were within it then.
#[pyfunction]
pub(crate) fn log_end(py: Python<'_>, seconds: f64) {
    log_flush(py, seconds);
    py.detach(|| *LOG.get().has_ended() = true);
}

/// For a process that was forked: the thread that logs, and what waits for it, are its parent's.
pub(crate) fn begin_anew() {
    LOG.begin_anew(Log::new());
}

/// Makes lines of events.
struct Lines;

impl Subscriber for Lines {
    /// The level may change at any time.
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        !metadata.is_span()
            && metadata.target().starts_with("vernal")
            && number(*metadata.level()) >= LEVEL.load(Ordering::Relaxed)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let is_access = event.metadata().target() == ACCESS;
        let mut text = Text::default();
        event.record(&mut text);
        let text = if is_access { text.access() } else { text.plain() };
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        LOG.get().send((number(*event.metadata().level()), is_access, time, text));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// A level as Python counts it.
fn number(level: Level) -> u8 {
    match level {
        Level::ERROR => 40,
        Level::WARN => 30,
        Level::INFO => 20,
        _ => 10,
    }
}

/// What an event says.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
    method: String,
    target: String,
    version: String,
    status: u64,
}

impl Text {
    fn plain(self) -> String {
        self.message + &self.fields
    }

    /// The line of the access log (`spec/07` section 6); what a client has sent comes without control characters.
    fn access(self) -> String {
        let mut line = String::with_capacity(self.target.len() + 32);
        let _ = write!(line, "\"{} {} {}\" {} -", self.method, self.target, self.version, self.status);
        line
    }

    fn field(&mut self, name: &str) -> &mut String {
        match name {
            "message" => &mut self.message,
            "method" => &mut self.method,
            "target" => &mut self.target,
            "version" => &mut self.version,
            name => {
                let _ = write!(self.fields, " {name}=");
                &mut self.fields
            }
        }
    }
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.field(field.name()), "{value:?}");
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.field(field.name()).push_str(value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "status" {
            self.status = value;
        }
        let _ = write!(self.field(field.name()), "{value}");
    }
}

impl Log {
    const fn new() -> Log {
        Log { queue: Mutex::new(None), has_ended: Mutex::new(false) }
    }

    fn queue(&self) -> MutexGuard<'_, Option<SyncSender<Message>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_ended(&self) -> MutexGuard<'_, bool> {
        self.has_ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a line into the queue. The thread that logs is started for the first one.
    fn send(&'static self, line: Line) {
        let mut queue = self.queue();
        if queue.is_none() {
            let (sender, received) = sync_channel(WAITING);
            let thread = std::thread::Builder::new().name("vernal-log".to_owned());
            if thread.spawn(move || self.hand_on(&received)).is_err() {
                return;
            }
            *queue = Some(sender);
        }
        if let Some(sender) = &*queue
            && sender.try_send(Message::Line(line)).is_err()
        {
            LOST.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The life of the thread that logs.
    fn hand_on(&self, received: &Receiver<Message>) {
        while let Ok(first) = received.recv() {
            let mut lines = Vec::new();
            let mut flushed = Vec::new();
            let mut sort = |message| match message {
                Message::Line(line) => {
                    lines.push(line);
                    true
                }
                Message::Flush(sender) => {
                    flushed.push(sender);
                    false
                }
            };
            if sort(first) {
                std::thread::sleep(GATHER);
            }
            while let Ok(message) = received.try_recv() {
                sort(message);
            }
            let lost = LOST.swap(0, Ordering::Relaxed);
            if lost > 0 {
                let time = lines.last().map_or(0.0, |line| line.2);
                lines.push((
                    30,
                    false,
                    time,
                    format!("{lost} lines were left out: there were too many of them"),
                ));
            }
            if !lines.is_empty() {
                self.give(lines);
            }
        }
    }

    fn give(&self, lines: Vec<Line>) {
        let has_ended = self.has_ended();
        if *has_ended {
            return;
        }
        // none where the interpreter is ending
        let _ = Python::try_attach(|py| {
            if let Some(take) = TAKE.get()
                && let Err(error) = take.call1(py, (lines,))
            {
                error.write_unraisable(py, None);
            }
        });
    }
}
