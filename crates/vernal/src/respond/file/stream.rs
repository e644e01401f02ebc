//! The bytes of an answer that come from a file, with the texts between them, read as they are sent.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::read::{in_memory, read_at_once, read_exactly};
use super::source::Keeping;
use crate::accept::{Handover, LONGEST_HANDOVER};

/// What is read at a time. A slow reader holds two pieces, so ten thousand of them hold 2.5 GB at the worst; smaller ones
/// would cost a fast reader more turns of the blocking pool.
const PIECE: u64 = 128 * 1024;

/// A body in the making: parts of a file, and texts such as the headers of `multipart/byteranges`.
#[derive(Debug, Default)]
pub(super) struct Segments {
    queue: VecDeque<Segment>,
    length: u64,
}

#[derive(Debug)]
enum Segment {
    Text(Bytes),
    File(Range<u64>),
}

impl From<Range<u64>> for Segments {
    fn from(range: Range<u64>) -> Self {
        let mut segments = Segments::default();
        segments.push_file(range);
        segments
    }
}

impl Segments {
    pub(super) fn push_text(&mut self, text: impl Into<Bytes>) {
        let text = text.into();
        self.length += text.len() as u64;
        self.queue.push_back(Segment::Text(text));
    }

    pub(super) fn push_file(&mut self, range: Range<u64>) {
        self.length += range.end - range.start;
        self.queue.push_back(Segment::File(range));
    }

    /// Bytes of all segments together.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Everything, if nothing of it has to be waited for; else the segments as they were.
    pub(super) fn read_at_once(self, file: &File) -> Result<Bytes, Segments> {
        let mut bytes = Vec::with_capacity(self.length as usize);
        for segment in &self.queue {
            match segment {
                Segment::Text(text) => bytes.extend_from_slice(text),
                Segment::File(range) => {
                    let start = bytes.len();
                    bytes.resize(start + (range.end - range.start) as usize, 0);
                    if !read_at_once(file, range.start, &mut bytes[start..]) {
                        return Err(self);
                    }
                }
            }
        }
        Ok(bytes.into())
    }

    /// Everything, from a file whose bytes are these.
    pub(super) fn take_from(mut self, content: &Bytes) -> Bytes {
        let part = |range: &Range<u64>| content.slice(range.start as usize..range.end as usize);
        if let [Segment::File(range)] = self.queue.make_contiguous() {
            return part(range);
        }
        let mut bytes = Vec::with_capacity(self.length as usize);
        for segment in &self.queue {
            match segment {
                Segment::Text(text) => bytes.extend_from_slice(text),
                Segment::File(range) => bytes.extend_from_slice(&part(range)),
            }
        }
        bytes.into()
    }

    /// Takes a text, or so much of a file at most.
    fn take_piece(&mut self, longest: u64) -> Option<Segment> {
        match self.queue.front_mut()? {
            Segment::File(range) if range.end - range.start > longest => {
                let piece = range.start..range.start + longest;
                range.start = piece.end;
                Some(Segment::File(piece))
            }
            _ => self.queue.pop_front(),
        }
    }
}

/// A file's bytes in pieces of 128 KB, read on tokio's blocking pool, one piece ahead of the reader and no more. On a
/// transport that sends files by itself ([`Handover`]) only what it would have to wait for is read here.
///
/// It yields exactly the bytes that were promised: of a file that has grown no more than that; of one that has become
/// shorter an error, and then nothing. The connection has to be closed then, for `Content-Length` was sent already.
#[derive(Debug)]
pub(crate) struct FileStream {
    file: Arc<File>,
    /// What has not been asked for yet.
    segments: Segments,
    ahead: Option<Piece>,
    remaining: u64,
    /// Where the only piece goes once it is read.
    keeping: Option<Box<Keeping>>,
    /// Where the transport takes what it can send by itself.
    handover: Option<Arc<Handover>>,
}

#[derive(Debug)]
enum Piece {
    Ready(io::Result<Bytes>),
    Reading(JoinHandle<io::Result<Bytes>>),
}

impl FileStream {
    pub(super) fn new(file: File, segments: Segments) -> Self {
        let remaining = segments.length();
        FileStream { file: Arc::new(file), segments, ahead: None, remaining, keeping: None, handover: None }
    }

    /// Keeps the file, which has to be small and asked for as a whole, once it is read.
    pub(super) fn keeping(mut self, keeping: Option<Box<Keeping>>) -> Self {
        self.keeping = keeping;
        self
    }

    /// Leaves to the transport what need not be waited for.
    pub(crate) fn hand_over(&mut self, handover: &Arc<Handover>) {
        self.handover = Some(Arc::clone(handover));
    }

    /// Bytes that are still to come; 0 after an error.
    pub(crate) fn remaining(&self) -> u64 {
        self.remaining
    }

    /// How many of the bytes that come next the transport can send without waiting for the disk.
    fn sendable(&self) -> u64 {
        match (&self.handover, self.segments.queue.front()) {
            (Some(_), Some(Segment::File(range))) => {
                in_memory(&self.file, range.start, LONGEST_HANDOVER.min(range.end - range.start))
            }
            _ => 0,
        }
    }

    /// Begins with the next piece; `None` at the end.
    fn begin(&mut self) -> Option<Piece> {
        let sendable = self.sendable();
        let longest = if sendable > 0 { sendable } else { PIECE };
        Some(match (self.segments.take_piece(longest)?, &self.handover) {
            (Segment::Text(text), _) => Piece::Ready(Ok(text)),
            (Segment::File(range), Some(handover)) if sendable > 0 => {
                Piece::Ready(Ok(handover.push(Arc::clone(&self.file), range)))
            }
            (Segment::File(range), _) => {
                let file = Arc::clone(&self.file);
                let keeping = self.keeping.take();
                let read = move || {
                    let bytes = read_piece(&file, range)?;
                    if let Some(keeping) = keeping {
                        keeping.keep(bytes.clone());
                    }
                    Ok(bytes)
                };
                match Handle::try_current() {
                    Ok(runtime) => Piece::Reading(runtime.spawn_blocking(read)),
                    // outside of one, whoever polls has a thread that may wait for a disk
                    Err(_) => Piece::Ready(read()),
                }
            }
        })
    }
}

impl Stream for FileStream {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let Some(piece) = this.ahead.take().or_else(|| this.begin()) else { return Poll::Ready(None) };
        let piece = match piece {
            Piece::Ready(piece) => piece,
            Piece::Reading(mut task) => match Pin::new(&mut task).poll(context) {
                Poll::Ready(outcome) => outcome.unwrap_or_else(|stopped| Err(io::Error::other(stopped))),
                Poll::Pending => {
                    this.ahead = Some(Piece::Reading(task));
                    return Poll::Pending;
                }
            },
        };
        match &piece {
            Ok(bytes) => {
                this.remaining -= bytes.len() as u64;
                // what is handed over is looked for as late as possible: it may not stay in memory
                this.ahead = if this.handover.is_none() { this.begin() } else { None };
            }
            Err(_) => {
                this.remaining = 0;
                this.segments = Segments::default();
            }
        }
        Poll::Ready(Some(piece))
    }
}

fn read_piece(file: &File, range: Range<u64>) -> io::Result<Bytes> {
    let mut bytes = vec![0; (range.end - range.start) as usize];
    read_exactly(file, range.start, &mut bytes)?;
    Ok(bytes.into())
}
