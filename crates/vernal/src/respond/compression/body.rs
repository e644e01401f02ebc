//! A body that is compressed: at once if it is small, otherwise as it is sent.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::coding::{Coding, Encoder};
use crate::respond::response::Outgoing;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What of a long body in memory is compressed at a time; a file's pieces are of the same size.
const PIECE: usize = 128 * 1024;

/// A body after its compression.
pub(super) struct Coded(pub(super) Outgoing);

impl Coded {
    /// A body that nobody will ask for, and whose length nobody knows.
    pub(super) fn unknown() -> Self {
        struct Nothing;
        impl Stream for Nothing {
            type Item = Result<Bytes, BoxError>;

            fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
                Poll::Ready(None)
            }
        }
        Coded(Outgoing::Stream(Box::pin(Nothing)))
    }
}

/// Compresses a body of `length` bytes, if that is known.
///
/// # Errors
///
/// Where there is no memory; the body comes back.
pub(super) fn encode(
    body: Outgoing,
    coding: Coding,
    level: u32,
    length: Option<u64>,
) -> Result<Coded, Box<(io::Error, Outgoing)>> {
    let encoder = match Encoder::new(coding, level, length) {
        Ok(encoder) => encoder,
        Err(error) => return Err(Box::new((error, body))),
    };
    let in_place = in_place(coding, level);
    match body {
        Outgoing::Bytes(bytes) if bytes.len() <= in_place => {
            let mut output = Vec::new();
            match encoder.finish(&bytes, &mut output) {
                Ok(()) => Ok(Coded(Outgoing::Bytes(output.into()))),
                Err(error) => Err(Box::new((error, Outgoing::Bytes(bytes)))),
            }
        }
        source => {
            let stage = Stage::Resting(encoder);
            let stream = CodedStream { source, stage, in_place, held: 0, output: Vec::new() };
            Ok(Coded(Outgoing::Stream(Box::pin(stream))))
        }
    }
}

/// Bytes that are compressed on the event loop without giving others their turn: about a millisecond's worth.
fn in_place(coding: Coding, level: u32) -> usize {
    const KB: usize = 1024;
    match (coding, level) {
        (Coding::Gzip | Coding::Deflate, 0..=6) | (Coding::Zstd, 0..=5) => 64 * KB,
        (Coding::Gzip | Coding::Deflate, _) | (Coding::Zstd, 6..=9) | (Coding::Brotli, 0..=5) => 32 * KB,
        (Coding::Brotli, 6..=9) | (Coding::Zstd, 10..=12) => 8 * KB,
        (Coding::Brotli | Coding::Zstd, _) => KB,
    }
}

/// A body being compressed as it is sent. Small pieces are compressed where they are, longer ones on the blocking pool
/// while the event loop does something else; nothing is asked of the source before there is room for it.
struct CodedStream {
    source: Outgoing,
    stage: Stage,
    in_place: usize,
    /// Bytes that were taken since all was last sent.
    held: usize,
    output: Vec<u8>,
}

enum Stage {
    Resting(Encoder),
    /// On the blocking pool.
    Working(JoinHandle<(Option<Encoder>, io::Result<Vec<u8>>)>),
    Ended,
}

/// One thing to do with an encoder.
enum Task {
    Write(Bytes),
    Flush,
    Finish,
}

impl Task {
    /// Does it; the encoder comes back if there is more to do.
    fn run(self, mut encoder: Encoder, output: &mut Vec<u8>) -> io::Result<Option<Encoder>> {
        match self {
            Task::Write(piece) => encoder.write(&piece, output)?,
            Task::Flush => encoder.flush(output)?,
            Task::Finish => {
                encoder.finish(&[], output)?;
                return Ok(None);
            }
        }
        Ok(Some(encoder))
    }
}

impl CodedStream {
    /// The next piece of the source.
    fn poll_source(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, BoxError>>> {
        match &mut self.source {
            Outgoing::Empty => Poll::Ready(None),
            Outgoing::Bytes(bytes) if bytes.is_empty() => Poll::Ready(None),
            Outgoing::Bytes(bytes) => Poll::Ready(Some(Ok(bytes.split_to(PIECE.min(bytes.len()))))),
            Outgoing::File(file) => Pin::new(file).poll_next(context).map_err(Into::into),
            Outgoing::Stream(stream) => stream.as_mut().poll_next(context),
        }
    }

    /// What is to be done next: a stream is flushed when it has no further piece at the moment, and when it never
    /// pauses, now and then. A file's pieces come from a disk, one soon after the other: they are not flushed.
    fn poll_task(&mut self, context: &mut Context<'_>) -> Poll<Result<Task, BoxError>> {
        let is_stream = matches!(self.source, Outgoing::Stream(_));
        if is_stream && self.held >= self.in_place {
            return Poll::Ready(Ok(Task::Flush));
        }
        match self.poll_source(context) {
            Poll::Ready(Some(piece)) => Poll::Ready(piece.map(Task::Write)),
            Poll::Ready(None) => Poll::Ready(Ok(Task::Finish)),
            Poll::Pending if is_stream && self.held > 0 => Poll::Ready(Ok(Task::Flush)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Does it here if that is quick, or if there is no runtime that has another place.
    fn begin(&mut self, task: Task, encoder: Encoder) -> io::Result<()> {
        // what was taken may still have to be looked at when it is flushed
        let effort = self.held + if let Task::Write(piece) = &task { piece.len().max(1) } else { 0 };
        self.held = if let Task::Write(_) = &task { effort } else { 0 };
        match Handle::try_current() {
            Ok(runtime) if effort > self.in_place => {
                let mut output = std::mem::take(&mut self.output);
                self.stage =
                    Stage::Working(runtime.spawn_blocking(move || match task.run(encoder, &mut output) {
                        Ok(encoder) => (encoder, Ok(output)),
                        Err(error) => (None, Err(error)),
                    }));
            }
            _ => {
                let encoder = task.run(encoder, &mut self.output)?;
                self.rest(encoder);
            }
        }
        Ok(())
    }

    fn rest(&mut self, encoder: Option<Encoder>) {
        self.stage = encoder.map_or(Stage::Ended, Stage::Resting);
    }

    /// Ends with an error: without its end the client knows that the body is not whole.
    fn fail(&mut self, error: BoxError) -> Poll<Option<Result<Bytes, BoxError>>> {
        self.stage = Stage::Ended;
        self.output.clear();
        self.source = Outgoing::Empty;
        Poll::Ready(Some(Err(error)))
    }

    fn take_output(&mut self) -> Poll<Option<Result<Bytes, BoxError>>> {
        Poll::Ready(Some(Ok(std::mem::take(&mut self.output).into())))
    }
}

impl Stream for CodedStream {
    type Item = Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            match std::mem::replace(&mut this.stage, Stage::Ended) {
                Stage::Ended if this.output.is_empty() => return Poll::Ready(None),
                Stage::Ended => return this.take_output(),
                Stage::Working(mut task) => match Pin::new(&mut task).poll(context) {
                    Poll::Pending => {
                        this.stage = Stage::Working(task);
                        return Poll::Pending;
                    }
                    Poll::Ready(Err(stopped)) => return this.fail(stopped.into()),
                    Poll::Ready(Ok((_, Err(error)))) => return this.fail(error.into()),
                    Poll::Ready(Ok((encoder, Ok(output)))) => {
                        this.output = output;
                        this.rest(encoder);
                        if !this.output.is_empty() {
                            return this.take_output();
                        }
                    }
                },
                Stage::Resting(encoder) => match this.poll_task(context) {
                    Poll::Pending => {
                        this.stage = Stage::Resting(encoder);
                        return match this.output.is_empty() {
                            true => Poll::Pending,
                            false => this.take_output(),
                        };
                    }
                    Poll::Ready(Err(error)) => return this.fail(error),
                    Poll::Ready(Ok(task)) => {
                        let flushes = matches!(task, Task::Flush);
                        if let Err(error) = this.begin(task, encoder) {
                            return this.fail(error.into());
                        }
                        if flushes && matches!(this.stage, Stage::Resting(_)) && !this.output.is_empty() {
                            return this.take_output();
                        }
                    }
                },
            }
        }
    }
}
