//! What waits to be written to a client: encoded frames, in order, and no more of them than the client may leave
//! unread.

mod pieces;
mod signals;

use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;

pub(crate) use pieces::{LARGE, Payload, Pieces};
pub(crate) use signals::Signals;

use crate::websocket::SendError;
use crate::websocket::deflate::{Compressions, Deflater};
use crate::websocket::frame::Opcode;

/// So many bytes are written by a thread in the place of the conversation.
const LITTLE: usize = 16 * 1024;

/// A close frame that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CloseAsked {
    pub(crate) code: u16,
    pub(crate) reason: String,
}

/// The part of a session that its conversation and its senders share.
pub(crate) struct Outgoing {
    ready: Pieces,
    /// Bytes that were accepted since the beginning; the count wraps.
    accepted: usize,
    limit: usize,
    deflater: Option<(Deflater, usize)>,
    /// A file is under way; what it must not be mixed with waits.
    file: Option<FileUnderWay>,
    asked: Option<CloseAsked>,
    /// A message was broken off within a frame: there is no way to go on.
    broken: bool,
    /// Whom to wake when there is something to write, if it is asleep; otherwise it is going to look anyway.
    conversation: Option<Waker>,
    /// The same, to be woken when the queue is free again, at which it looks first of all.
    waking: Option<Waker>,
    signals: Arc<Signals>,
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
            accepted: 0,
            limit: limit.max(1),
            deflater,
            file: None,
            asked: None,
            broken: false,
            conversation: None,
            waking: None,
            signals: Arc::default(),
            waiting: 0,
        }
    }

    /// Whether there is room for a message. One is taken whatever its size where less than the limit waits, so that
    /// no message is too long to be sent.
    fn check_room(&self) -> Result<(), SendError> {
        match () {
            () if self.is_closed() => Err(SendError::Closed),
            () if self.queued() >= self.limit => Err(SendError::Full),
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
        match self.compress(payload.as_slice(), |deflater, bytes| deflater.deflate(bytes, true).into()) {
            Some(compressed) => self.push_message(opcode, true, Payload::Owned(compressed), chunk),
            None => self.push_message(opcode, false, payload, chunk),
        }
        Ok(())
    }

    /// Takes a message that others are sent as well, unless it fails.
    pub(crate) fn shared_message(
        &mut self,
        opcode: Opcode,
        bytes: &Bytes,
        shared: &mut Compressions,
    ) -> Result<(), SendError> {
        self.check_room()?;
        let compressed = self.compress(bytes, |deflater, bytes| deflater.deflate_shared(bytes, shared));
        let is_compressed = compressed.is_some();
        let payload = Payload::Owned(compressed.unwrap_or_else(|| bytes.clone()));
        self.push_message(opcode, is_compressed, payload, 0);
        Ok(())
    }

    fn push_message(&mut self, opcode: Opcode, is_compressed: bool, payload: Payload<'_>, chunk: usize) {
        let pieces = match &mut self.file {
            Some(file) => &mut file.messages,
            None => &mut self.ready,
        };
        let before = pieces.bytes();
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
        self.accepted = self.accepted.wrapping_add(pieces.bytes() - before);
        self.wake();
    }

    /// The message compressed, where that was agreed on and makes it smaller. A message that waits for a file stays
    /// as it is: its turn to be compressed would come before that of what is sent earlier.
    fn compress(
        &mut self,
        payload: &[u8],
        deflate: impl FnOnce(&mut Deflater, &[u8]) -> Bytes,
    ) -> Option<Bytes> {
        let (deflater, threshold) = self.deflater.as_mut()?;
        if payload.len() < (*threshold).max(1) || self.file.is_some() {
            return None;
        }
        let compressed = deflate(deflater, payload);
        (deflater.keeps_context() || compressed.len() < payload.len()).then_some(compressed)
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
        let before = pieces.bytes();
        pieces.push_frame(opcode, true, false, Payload::Borrowed(payload));
        self.accepted = self.accepted.wrapping_add(pieces.bytes() - before);
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
        let before = self.ready.bytes();
        self.ready.push_header(opcode, fin, false, length);
        self.accepted = self.accepted.wrapping_add(self.ready.bytes() - before);
        if let Some(file) = &mut self.file {
            file.within_frame = true;
        }
    }

    /// Takes a part of a frame's payload; room was waited for.
    pub(crate) fn file_bytes(&mut self, bytes: Bytes, ends_frame: bool) {
        self.accepted = self.accepted.wrapping_add(bytes.len());
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
            Some(file) if !self.is_closed() || file.within_frame => {
                let waits_for_it = file.messages.bytes() + file.controls.bytes();
                let has_room = self.queued().saturating_sub(waits_for_it) < self.limit;
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
            self.signals.close();
        }
        self.wake();
    }

    /// Whether a message was broken off within a frame.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Sends a close frame after what was sent before, and accepts nothing more. Says whether this is the first.
    pub(crate) fn close(&mut self, code: u16, reason: &str) -> bool {
        if self.is_closed() {
            return false;
        }
        self.signals.close();
        let payload = crate::websocket::frame::close_payload(code, reason);
        self.push_control(Opcode::Close, &payload);
        self.asked = Some(CloseAsked { code, reason: reason.to_owned() });
        true
    }

    /// Answers the close frame of a client with the same code.
    pub(crate) fn echo_close(&mut self, code: Option<u16>) {
        if !self.is_closed() {
            self.signals.close();
            let payload = code.map_or([0; 2], u16::to_be_bytes);
            self.push_control(Opcode::Close, if code.is_some() { &payload } else { &[] });
        }
    }

    /// Accepts nothing more; what was accepted is still sent.
    pub(crate) fn refuse(&mut self) {
        self.signals.close();
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
        self.signals.close();
        self.ready = Pieces::default();
        self.file = None;
        self.accepted = self.signals.written();
    }

    fn is_closed(&self) -> bool {
        self.signals.is_closed()
    }

    /// What can be asked without the lock.
    pub(crate) fn signals(&self) -> &Arc<Signals> {
        &self.signals
    }

    /// Bytes that were accepted and not yet written, those being written included.
    fn queued(&self) -> usize {
        self.accepted.wrapping_sub(self.signals.written())
    }

    /// Hands over what there is to write, to who has nothing left of it. Says whether something stays behind.
    pub(crate) fn take_ready(&mut self, pieces: &mut Pieces) -> bool {
        self.signals.set_news(false);
        if pieces.is_empty() {
            std::mem::swap(&mut self.ready, pieces);
        }
        !self.ready.is_empty()
    }

    /// Whether someone waits for room, and there is some.
    pub(crate) fn has_room_for_others(&self) -> bool {
        self.waiting > 0 && self.queued() < self.limit
    }

    /// The conversation is going to sleep until it is woken; not if there is something that it has not seen.
    pub(crate) fn sleep(&mut self, waker: &Waker) -> bool {
        if self.signals.has_news() {
            return false;
        }
        match &mut self.conversation {
            Some(known) => known.clone_from(waker),
            None => self.conversation = Some(waker.clone()),
        }
        self.signals.fall_asleep();
        true
    }

    /// Hands over what there is to write to who writes in the place of the conversation, if that is little and whole.
    pub(crate) fn take_little(&mut self, pieces: &mut Pieces) -> bool {
        let is_plain = self.file.is_none() && !self.is_closed() && !self.broken;
        let is_little = is_plain && self.ready.bytes() <= LITTLE;
        if is_little {
            self.take_ready(pieces);
        }
        is_little
    }

    /// The conversation need not be woken: what there was has been written in its place. Not if there is more meanwhile.
    pub(crate) fn sleep_on(&mut self) -> bool {
        if self.signals.has_news() || self.has_room_for_others() {
            return false;
        }
        self.signals.stand_in();
        self.signals.fall_asleep();
        true
    }

    /// The conversation has something to look at.
    fn wake(&mut self) {
        self.signals.set_news(true);
        if self.signals.is_asleep()
            && let Some(waker) = &self.conversation
        {
            self.signals.wake_up();
            self.waking = Some(waker.clone());
        }
    }

    /// Whom to wake now that nobody has the queue.
    pub(crate) fn take_waking(&mut self) -> Option<Waker> {
        self.waking.take()
    }
}
