//! Where log lines go: the console and, if asked, a file for each day. The engine itself logs with `tracing`.
//!
//! Lines are written by a thread of their own, so that no request waits for a disk or a terminal. Between them is a
//! queue of ten thousand lines. When it is full, lines are dropped, and how many is logged as soon as there is room:
//! a disk that stalls shall cost log lines, not the service.
//!
//! A line has the time (UTC), the level, the target (the module that logs) and the message:
//!
//! ```text
//! 2026-11-22T18:33:07.120405Z  INFO vernal::accept: listening address=127.0.0.1:9090
//! ```
//!
//! ```
//! fn main() -> vernal::Result<()> {
//!     vernal::logger::init()?;
//!     tracing::info!("hello");
//!     vernal::logger::flush();
//!     Ok(())
//! }
//! ```

use std::fmt::{self, Display};
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::OnceLock;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::layer::SubscriberExt;

use self::queue::{Destination, Queue};
use crate::error::StartErrorKind;
use crate::{Error, Result};

mod queue;
#[cfg(test)]
mod tests;

/// The queue of the logger that was initialised.
static QUEUE: OnceLock<Queue> = OnceLock::new();

/// Logs to the console from the level `info` upwards, until the process ends: the same as [`builder()`] without
/// further settings.
///
/// # Errors
///
/// There is a logger already.
pub fn init() -> Result<()> {
    builder().init().map(drop)
}

/// Settings of a logger that is not there yet.
///
/// ```
/// # fn main() -> vernal::Result<()> {
/// # let directory = tempfile::tempdir()?;
/// # let directory = directory.path();
/// let _guard = vernal::logger::builder()
///     .level("info")
///     .target_level("vernal::access", "warn")
///     .ansi(false)
///     .file(directory, "my-app")
///     .keep_days(7)
///     .init()?;
/// # Ok(())
/// # }
/// ```
pub fn builder() -> Builder {
    Builder {
        level: LevelFilter::INFO.to_string(),
        target_levels: Vec::new(),
        ansi: io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        file: None,
        keep_days: None,
    }
}

/// Waits until the lines that were logged so far are written, two seconds at most.
///
/// A server does so when it stops. A program that goes on logging after that, or ends without, calls it itself.
pub fn flush() {
    if let Some(queue) = QUEUE.get() {
        queue.flush();
    }
}

/// Settings of a logger; made by [`builder()`], each with a default.
#[derive(Debug, Clone)]
#[must_use = "nothing is logged before `init`"]
pub struct Builder {
    level: String,
    target_levels: Vec<(String, String)>,
    ansi: bool,
    file: Option<(PathBuf, String)>,
    keep_days: Option<usize>,
}

impl Builder {
    /// The level from which lines are written: `"off"`, `"error"`, `"warn"`, `"info"` (the default), `"debug"`,
    /// `"trace"`, or a `tracing::Level`.
    pub fn level(mut self, level: impl Display) -> Self {
        self.level = level.to_string();
        self
    }

    /// Another level for a target, which is a module and what is in it, as `"vernal::access"`. Of several that fit,
    /// the longest counts.
    pub fn target_level(mut self, target: impl Into<String>, level: impl Display) -> Self {
        self.target_levels.push((target.into(), level.to_string()));
        self
    }

    /// Whether the console shows colours. By default it does if it is a terminal and the environment variable
    /// `NO_COLOR` is not set.
    pub fn ansi(mut self, ansi: bool) -> Self {
        self.ansi = ansi;
        self
    }

    /// Writes to a file as well: `<prefix>.<year>-<month>-<day>.log` in this directory, which is made if it is not
    /// there. A new one begins at midnight UTC.
    pub fn file(mut self, directory: impl Into<PathBuf>, prefix: impl Into<String>) -> Self {
        self.file = Some((directory.into(), prefix.into()));
        self
    }

    /// How many files are kept, today's among them; all by default.
    ///
    /// When a new file begins, older ones whose names begin with the prefix and end with `.log` are deleted, whoever
    /// wrote them: the directory should be for these files only.
    pub fn keep_days(mut self, days: usize) -> Self {
        self.keep_days = Some(days);
        self
    }

    /// Begins to log. The guard waits for the last lines when it is dropped; it belongs to the end of `main`.
    ///
    /// # Errors
    ///
    /// A level is not one of those above, the file can't be opened, or there is a logger already.
    pub fn init(self) -> Result<LoggerGuard> {
        let (subscriber, queue) = self.build()?;
        tracing::subscriber::set_global_default(subscriber)
            .map_err(|_| refused("there is one already in this process"))?;
        QUEUE.get_or_init(|| queue.clone());
        Ok(LoggerGuard { queue })
    }

    fn build(self) -> Result<(impl Subscriber + Send + Sync, Queue)> {
        let mut targets = Targets::new().with_default(parsed(&self.level)?);
        for (target, level) in &self.target_levels {
            targets = targets.with_target(target, parsed(level)?);
        }
        let file = self.file.as_ref().map(|(directory, prefix)| {
            let files = RollingFileAppender::builder().rotation(Rotation::DAILY);
            let files = files.filename_prefix(prefix).filename_suffix("log");
            let files = match self.keep_days {
                Some(days) => files.max_log_files(days.max(1)),
                None => files,
            };
            files.build(directory).map_err(|error| {
                let cause =
                    std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
                refused(format!("no file {prefix:?} can be opened in {}{cause}", directory.display()))
            })
        });
        let file = file.transpose()?;

        let has_file = file.is_some();
        let queue = Queue::start(io::stderr(), file)?;
        let console =
            tracing_subscriber::fmt::layer().with_ansi(self.ansi).with_writer(queue.to(Destination::Console));
        let file = has_file.then(|| {
            let layer = tracing_subscriber::fmt::layer().with_ansi(false).fmt_fields(PlainFields::default());
            layer.with_writer(queue.to(Destination::File))
        });
        Ok((tracing_subscriber::registry().with(targets).with(console).with(file), queue))
    }
}

/// Waits for the last lines when it is dropped, two seconds at most. Logging goes on after that.
#[derive(Debug)]
#[must_use = "the last lines are waited for when the guard is dropped"]
pub struct LoggerGuard {
    queue: Queue,
}

impl Drop for LoggerGuard {
    fn drop(&mut self) {
        self.queue.flush();
    }
}

/// The fields of spans in the file. Were they of the same type as the console's, `tracing-subscriber` would format
/// them once for both, colours included.
#[derive(Default)]
struct PlainFields(DefaultFields);

impl<'writer> FormatFields<'writer> for PlainFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        self.0.format_fields(writer, fields)
    }
}

fn parsed(level: &str) -> Result<LevelFilter> {
    level.parse().map_err(|_| {
        refused(format!("{level:?} is not a level, which is one of off, error, warn, info, debug, trace"))
    })
}

fn refused(reason: impl Display) -> Error {
    Error::start(StartErrorKind::Configuration, format!("logger: {reason}"))
}
