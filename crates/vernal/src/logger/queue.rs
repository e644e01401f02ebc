//! The way of a log line from the thread that logs to the thread that writes.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait: what a busy server logs in about a second.
const LINES: usize = 10_000;

/// Bytes that are gathered before they are written, as long as more lines are waiting.
const BATCH: usize = 64 * 1024;

/// How long [`Queue::flush`] waits for a disk that may have stalled.
const PATIENCE: Duration = Duration::from_secs(2);

/// Lines on their way to the thread that writes them. All clones are the same queue.
#[derive(Clone)]
pub(super) struct Queue {
    sender: SyncSender<Message>,
    dropped: Arc<AtomicUsize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Destination {
    Console,
    File,
}

enum Message {
    Line(Destination, Vec<u8>),
    /// Everything before it has been written when its sender is gone.
    Flush {
        _done: SyncSender<()>,
    },
}

impl Queue {
    /// Starts the thread, which ends when nobody has the queue any more.
    pub(super) fn start(
        console: impl Write + Send + 'static,
        file: Option<impl Write + Send + 'static>,
    ) -> io::Result<Queue> {
        let (sender, receiver) = sync_channel(LINES);
        let dropped = Arc::default();
        let worker = Worker { receiver, dropped: Arc::clone(&dropped), console, file };
        thread::Builder::new().name("vernal-logger".to_owned()).spawn(|| worker.run())?;
        Ok(Queue { sender, dropped })
    }

    /// What the lines for a destination are written to.
    pub(super) fn to(&self, destination: Destination) -> LineWriter {
        LineWriter { queue: self.clone(), destination }
    }

    /// Waits until the lines that are in the queue now have been written, or for as long as patience lasts.
    pub(super) fn flush(&self) {
        let deadline = Instant::now() + PATIENCE;
        let (done, written) = sync_channel(0);
        let mut message = Message::Flush { _done: done };
        while let Err(TrySendError::Full(refused)) = self.sender.try_send(message) {
            if Instant::now() >= deadline {
                return;
            }
            message = refused;
            thread::sleep(Duration::from_millis(1));
        }
        // An answer and a thread that has ended are both an end of the wait.
        let _ = written.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }

    fn send(&self, line: Message) {
        if self.sender.try_send(line).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("dropped", &self.dropped).finish_non_exhaustive()
    }
}

/// Puts lines into the queue; `tracing-subscriber` writes each line with one call.
#[derive(Clone)]
pub(super) struct LineWriter {
    queue: Queue,
    destination: Destination,
}

impl Write for &LineWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.queue.send(Message::Line(self.destination, line.to_vec()));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LineWriter {
    type Writer = &'a LineWriter;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

struct Worker<C, F> {
    receiver: Receiver<Message>,
    dropped: Arc<AtomicUsize>,
    console: C,
    file: Option<F>,
}

impl<C: Write, F: Write> Worker<C, F> {
    fn run(mut self) {
        let (mut console, mut file) = (Vec::new(), Vec::new());
        while let Ok(first) = self.receiver.recv() {
            let mut flushes = Vec::new();
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    Message::Line(Destination::Console, line) => console.extend(line),
                    Message::Line(Destination::File, line) => file.extend(line),
                    Message::Flush { _done } => flushes.push(_done),
                }
                let is_full = console.len() + file.len() >= BATCH;
                next = if is_full { None } else { self.receiver.try_recv().ok() };
            }
            let dropped = self.dropped.swap(0, Ordering::Relaxed);
            if dropped > 0 {
                let note = format!(
                    "{dropped} log lines were dropped: they came faster than they could be written\n"
                );
                console.extend(note.bytes());
                file.extend(note.bytes());
            }
            self.write(&console, &file);
            console.clear();
            file.clear();
            drop(flushes);
        }
    }

    /// Errors of the console have nowhere to go; those of the file go to the console.
    fn write(&mut self, console: &[u8], file: &[u8]) {
        let _ = self.console.write_all(console).and_then(|()| self.console.flush());
        if let Some(Err(error)) = self.file.as_mut().map(|out| out.write_all(file).and_then(|()| out.flush()))
        {
            let _ = writeln!(self.console, "the log file cannot be written: {error}");
        }
    }
}
