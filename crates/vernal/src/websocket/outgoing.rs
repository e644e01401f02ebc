//! What waits to be written to a client: encoded frames, in order, and no more of them than the client may leave
//! unread.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::IoSlice;
use std::task::Waker;

use bytes::{Buf, Bytes};

use crate::websocket::SendError;
use crate::websocket::deflate::Deflater;
use crate::websocket::frame::{Opcode, write_header};

/// A payload of so many bytes is written from where it is; smaller ones are copied behind each other.
pub(crate) const LARGE: usize = 8 * 1024;

/// Small frames are gathered up to so many bytes.
const GATHERED: usize = 64 * 1024;

/// So many pieces go into one system call.
const VECTORED: usize = 16;

thread_local! {
    /// The room for small frames that no connection of this thread is using; an idle connection keeps none.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A part of the stream.
enum Piece {
    Small(Vec<u8>),
    Large(Bytes),
}

/// Parts of the stream, in order.
#[derive(Default)]
pub(crate) struct Pieces {
    list: VecDeque<Piece>,
    bytes: usize,
}

impl Pieces {
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The end of the stream, to which something small is added.
    fn small(&mut self) -> &mut Vec<u8> {
        if !matches!(self.list.back(), Some(Piece::Small(bytes)) if bytes.len() < GATHERED) {
            self.list.push_back(Piece::Small(SPARE.take()));
        }
        match self.list.back_mut() {
            Some(Piece::Small(bytes)) => bytes,
            _ => unreachable!("one was added where there was none"),
        }
    }

    fn push_frame(&mut self, opcode: Opcode, fin: bool, compressed: bool, payload: Payload<'_>) {
        let small = self.small();
        let before = small.len();
        let length = payload.len();
        write_header(small, opcode, fin, compressed, length as u64);
        self.bytes += small.len() - before;
        self.push(payload);
    }

    fn push(&mut self, payload: Payload<'_>) {
        self.bytes += payload.len();
        match payload {
            Payload::Owned(bytes) if bytes.len() >= LARGE => self.list.push_back(Piece::Large(bytes)),
            Payload::Owned(bytes) => self.small().extend_from_slice(&bytes),
            Payload::Borrowed(bytes) => self.small().extend_from_slice(bytes),
        }
    }

    fn append(&mut self, other: &mut Pieces) {
        self.list.append(&mut other.list);
        self.bytes += std::mem::take(&mut other.bytes);
    }

    /// The first parts, for one system call.
    pub(crate) fn slices<'a>(&'a self, done: usize, slices: &mut [IoSlice<'a>; VECTORED]) -> usize {
        let mut count = 0;
        for (slice, piece) in slices.iter_mut().zip(&self.list) {
            let bytes: &[u8] = match piece {
                Piece::Small(bytes) => bytes,
                Piece::Large(bytes) => bytes,
            };
            *slice = IoSlice::new(if count == 0 { &bytes[done..] } else { bytes });
            count += 1;
        }
        count
    }

    pub(crate) fn no_slices<'a>() -> [IoSlice<'a>; VECTORED] {
        [IoSlice::new(&[]); VECTORED]
    }

    /// So many bytes were written; returns how far that reaches into the first part that is left.
    pub(crate) fn advance(&mut self, mut written: usize) -> usize {
        self.bytes = self.bytes.saturating_sub(written);
        while let Some(piece) = self.list.front() {
            let length = match piece {
                Piece::Small(bytes) => bytes.len(),
                Piece::Large(bytes) => bytes.remaining(),
            };
            if written < length {
                break;
            }
            written -= length;
            if let Some(Piece::Small(mut bytes)) = self.list.pop_front() {
                bytes.clear();
                if bytes.capacity() <= 2 * GATHERED {
                    SPARE.set(bytes);
                }
            }
        }
        written
    }
}

/// The bytes of a message.
pub(crate) enum Payload<'a> {
    Borrowed(&'a [u8]),
    Owned(Bytes),
}

impl Payload<'_> {
    pub(crate) fn len(&self) -> usize {
        self.as_slice().len()
    }

    fn as_slice(&self) -> &[u8] {
        match self {
            Payload::Borrowed(bytes) => bytes,
            Payload::Owned(bytes) => bytes,
        }
    }

    /// A part of it.
    fn part(&self, begin: usize, end: usize) -> Payload<'_> {
        match self {
            Payload::Borrowed(bytes) => Payload::Borrowed(&bytes[begin..end]),
            Payload::Owned(bytes) => Payload::Owned(bytes.slice(begin..end)),
        }
    }
}

/// A close frame that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CloseAsked {
    pub(crate) code: u16,
    pub(crate) reason: String,
}

/// The part of a session that its conversation and its senders share.
pub(crate) struct Outgoing {
    ready: Pieces,
    /// Bytes that were accepted and not yet written, those being written included.
    queued: usize,
    limit: usize,
    deflater: Option<(Deflater, usize)>,
    /// A file is under way; what it must not be mixed with waits.
    file: Option<FileUnderWay>,
    /// Nothing more is accepted.
    closed: bool,
    asked: Option<CloseAsked>,
    /// A message was broken off within a frame: there is no way to go on.
    broken: bool,
    /// Whom to wake when there is something to write, if it is asleep; otherwise it is going to look anyway.
    conversation: Option<Waker>,
    asleep: bool,
    /// How many senders wait for room.
    pub(crate) waiting: usize,
}

/// Messages wait until the file is whole; control frames only until its frame is.
#[derive(Default)]
struct FileUnderWay {
    within_frame: bool,
    controls: Pieces,
    messages: Pieces,
}

impl Outgoing {
    /// For at most so many unread bytes; messages of `threshold` bytes and more are compressed if there is a deflater.
    pub(crate) fn new(limit: usize, deflater: Option<(Deflater, usize)>) -> Self {
        Outgoing {
            ready: Pieces::default(),
            queued: 0,
            limit: limit.max(1),
            deflater,
            file: None,
            closed: false,
            asked: None,
            broken: false,
            conversation: None,
            asleep: false,
            waiting: 0,
        }
    }

    /// Whether there is room for a message. One is taken whatever its size where less than the limit waits, so that
    /// no message is too long to be sent.
    fn check_room(&self) -> Result<(), SendError> {
        match () {
            () if self.closed => Err(SendError::Closed),
            () if self.queued >= self.limit => Err(SendError::Full),
            () => Ok(()),
        }
    }

    /// Takes the message, unless it fails, and cuts it into frames of `chunk` bytes; 0 is one frame.
    pub(crate) fn message(
        &mut self,
        opcode: Opcode,
        payload: &mut Option<Payload<'_>>,
        chunk: usize,
    ) -> Result<(), SendError> {
        self.check_room()?;
        let Some(payload) = payload.take() else { return Ok(()) };
        let compressed = self.compress(&payload);
        let (payload, is_compressed) = match compressed {
            Some(compressed) => (Payload::Owned(compressed), true),
            None => (payload, false),
        };
        let pieces = match &mut self.file {
            Some(file) => &mut file.messages,
            None => &mut self.ready,
        };
        let before = pieces.bytes;
        let length = payload.len();
        if chunk == 0 || chunk >= length {
            pieces.push_frame(opcode, true, is_compressed, payload);
        } else {
            for begin in (0..length).step_by(chunk) {
                let end = length.min(begin + chunk);
                let opcode = if begin == 0 { opcode } else { Opcode::Continuation };
                let compressed = is_compressed && begin == 0;
                pieces.push_frame(opcode, end == length, compressed, payload.part(begin, end));
            }
        }
        self.queued += pieces.bytes - before;
        self.wake();
        Ok(())
    }

    /// The message compressed, where that was agreed on and makes it smaller. A message that waits for a file stays
    /// as it is: its turn to be compressed would come before that of what is sent earlier.
    fn compress(&mut self, payload: &Payload<'_>) -> Option<Bytes> {
        let (deflater, threshold) = self.deflater.as_mut()?;
        if payload.len() < (*threshold).max(1) || self.file.is_some() {
            return None;
        }
        let compressed = deflater.deflate(payload.as_slice(), true);
        (deflater.keeps_context() || compressed.len() < payload.len()).then(|| compressed.into())
    }

    /// Takes a ping or a pong.
    pub(crate) fn control(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), SendError> {
        self.check_room()?;
        self.push_control(opcode, payload);
        Ok(())
    }

    fn push_control(&mut self, opcode: Opcode, payload: &[u8]) {
        let pieces = match &mut self.file {
            Some(file) if file.within_frame => &mut file.controls,
            _ => &mut self.ready,
        };
        let before = pieces.bytes;
        pieces.push_frame(opcode, true, false, Payload::Borrowed(payload));
        self.queued += pieces.bytes - before;
        self.wake();
    }

    /// Begins a file, alone among the messages; there is no room for one while another is under way.
    pub(crate) fn begin_file(&mut self) -> Result<(), SendError> {
        self.check_room()?;
        if self.file.is_some() {
            return Err(SendError::Full);
        }
        self.file = Some(FileUnderWay::default());
        Ok(())
    }

    /// Takes the header of a frame of the file whose payload follows in [`file_bytes`](Self::file_bytes).
    pub(crate) fn file_header(&mut self, opcode: Opcode, fin: bool, length: u64) {
        let small = self.ready.small();
        let before = small.len();
        write_header(small, opcode, fin, false, length);
        let written = small.len() - before;
        self.ready.bytes += written;
        self.queued += written;
        if let Some(file) = &mut self.file {
            file.within_frame = true;
        }
    }

    /// Takes a part of a frame's payload; room was waited for.
    pub(crate) fn file_bytes(&mut self, bytes: Bytes, ends_frame: bool) {
        self.queued += bytes.len();
        self.ready.push(Payload::Owned(bytes));
        if ends_frame && let Some(file) = &mut self.file {
            file.within_frame = false;
            self.ready.append(&mut file.controls);
        }
        self.wake();
    }

    /// Whether there is room for another part of the file, which also goes on after a close frame was asked for: the
    /// frame has to be finished before that can be sent.
    pub(crate) fn check_room_for_file(&self) -> Result<(), SendError> {
        match &self.file {
            Some(file) if !self.closed || file.within_frame => {
                let waits_for_it = file.messages.bytes + file.controls.bytes;
                let has_room = self.queued.saturating_sub(waits_for_it) < self.limit;
                if has_room { Ok(()) } else { Err(SendError::Full) }
            }
            _ => Err(SendError::Closed),
        }
    }

    /// The file is whole, or it was broken off, which leaves nothing that could be sent after it.
    pub(crate) fn end_file(&mut self, is_whole: bool) {
        let Some(mut file) = self.file.take() else { return };
        if is_whole {
            self.ready.append(&mut file.messages);
        } else if !file.within_frame {
            self.close(1011, "a message was broken off");
        } else {
            self.broken = true;
            self.closed = true;
        }
        self.wake();
    }

    /// Whether a message was broken off within a frame.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Sends a close frame after what was sent before, and accepts nothing more. Says whether this is the first.
    pub(crate) fn close(&mut self, code: u16, reason: &str) -> bool {
        if self.closed {
            return false;
        }
        self.closed = true;
        let payload = crate::websocket::frame::close_payload(code, reason);
        self.push_control(Opcode::Close, &payload);
        self.asked = Some(CloseAsked { code, reason: reason.to_owned() });
        true
    }

    /// Answers the close frame of a client with the same code.
    pub(crate) fn echo_close(&mut self, code: Option<u16>) {
        if !std::mem::replace(&mut self.closed, true) {
            let payload = code.map_or([0; 2], u16::to_be_bytes);
            self.push_control(Opcode::Close, if code.is_some() { &payload } else { &[] });
        }
    }

    /// Accepts nothing more; what was accepted is still sent.
    pub(crate) fn refuse(&mut self) {
        self.closed = true;
    }

    /// Whether a file's frame has to be finished before anything else can be sent.
    pub(crate) fn is_within_frame(&self) -> bool {
        self.file.as_ref().is_some_and(|file| file.within_frame)
    }

    /// The close that the application asked for.
    pub(crate) fn asked(&self) -> Option<&CloseAsked> {
        self.asked.as_ref()
    }

    /// There is no one to send to any more.
    pub(crate) fn end(&mut self) {
        self.closed = true;
        self.ready = Pieces::default();
        self.file = None;
        self.queued = 0;
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Hands over what there is to write.
    pub(crate) fn take_ready(&mut self, pieces: &mut Pieces) {
        self.asleep = false;
        if pieces.is_empty() {
            std::mem::swap(&mut self.ready, pieces);
        }
    }

    /// So many bytes were written. Says whether someone waits for the room.
    pub(crate) fn written(&mut self, bytes: usize) -> bool {
        self.queued = self.queued.saturating_sub(bytes);
        self.waiting > 0 && self.queued < self.limit
    }

    /// The conversation is going to sleep until it is woken; not if there is something to do for it.
    pub(crate) fn sleep(&mut self, waker: &Waker, seen_close: bool) -> bool {
        if !self.ready.is_empty() || (!seen_close && (self.asked.is_some() || self.broken)) {
            return false;
        }
        match &mut self.conversation {
            Some(known) => known.clone_from(waker),
            None => self.conversation = Some(waker.clone()),
        }
        self.asleep = true;
        true
    }

    fn wake(&mut self) {
        if std::mem::take(&mut self.asleep)
            && let Some(waker) = &self.conversation
        {
            waker.wake_by_ref();
        }
    }
}
