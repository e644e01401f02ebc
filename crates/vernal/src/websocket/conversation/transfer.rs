//! The bytes of a conversation: what is read of its client, and what is written to it.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use crate::websocket::conversation::{Conversation, SERVER_ASKED};
use crate::websocket::outgoing::CloseAsked;

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Conversation<'_, S> {
    /// Writes what there is. Says whether something has moved.
    pub(super) fn poll_write(&mut self, context: &mut Context<'_>) -> bool {
        let mut moved = false;
        loop {
            if self.signals.has_news() || (self.more_to_write && self.writing.is_empty()) {
                self.take_ready();
            }
            if self.writing.is_empty() || self.lost {
                break;
            }
            match self.poll_write_some(context) {
                Poll::Ready(Ok(bytes)) if bytes > 0 => {
                    self.written_of_first = self.writing.advance(self.written_of_first + bytes);
                    self.signals.wrote(bytes);
                    self.unflushed = true;
                    self.deadline.wrote(bytes);
                    moved = true;
                }
                Poll::Ready(_) => {
                    self.vanish();
                    return true;
                }
                Poll::Pending => {
                    self.deadline.blocked();
                    return moved;
                }
            }
        }
        self.deadline.caught_up();
        self.poll_finish(context) || moved
    }

    /// Looks at the queue: takes what is to be written next, unless there is something left of what was taken before.
    fn take_ready(&mut self) {
        let mut outgoing = self.session.outgoing();
        self.more_to_write = outgoing.take_ready(&mut self.writing);
        let has_room = outgoing.has_room_for_others();
        let broken = outgoing.is_broken();
        let asked = if self.outcome.is_none() { outgoing.asked().cloned() } else { None };
        drop(outgoing);
        if has_room {
            self.session.notify_room();
        }
        if let Some(CloseAsked { code, reason }) = asked {
            self.end_with(SERVER_ASKED, Some(code), reason);
        }
        if broken {
            self.vanish();
        }
    }

    fn poll_write_some(&mut self, context: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        let stream = Pin::new(&mut self.stream);
        let (first, is_all) = self.writing.first(self.written_of_first);
        if is_all || !stream.is_write_vectored() {
            stream.poll_write(context, first)
        } else {
            stream.poll_write_vectored(context, &self.writing.slices(self.written_of_first))
        }
    }

    /// Flushes; after the last frame ends the stream, so that the client sees its end before its own (section 7.1.1).
    fn poll_finish(&mut self, context: &mut Context<'_>) -> bool {
        if self.lost || self.shut {
            return false;
        }
        if self.unflushed {
            match Pin::new(&mut self.stream).poll_flush(context) {
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(_)) => self.vanish(),
                Poll::Pending => return false,
            }
        }
        let has_heard_all = self.deaf || self.client_ended;
        let may_shut = self.outcome.is_some() && has_heard_all && !self.session.outgoing().is_within_frame();
        if !may_shut {
            return false;
        }
        match Pin::new(&mut self.stream).poll_shutdown(context) {
            Poll::Ready(Ok(())) => self.shut = true,
            Poll::Ready(Err(_)) => self.vanish(),
            Poll::Pending => return false,
        }
        true
    }

    /// Reads once. Says whether something arrived.
    pub(super) fn poll_read(&mut self, context: &mut Context<'_>) -> bool {
        if self.lost || self.client_ended {
            return false;
        }
        if self.deaf {
            self.input.clear();
        }
        let read = match self
            .decoder
            .direct_room()
            .filter(|_| self.input.is_empty() && self.next.is_none() && !self.deaf)
        {
            Some(mut room) => {
                let read = pin!(self.stream.read_buf(&mut room)).poll(context);
                if let Poll::Ready(Ok(bytes @ 1..)) = read {
                    self.read_directly(bytes);
                }
                read
            }
            None => {
                let room = self.input.room();
                if room.is_empty() {
                    // whoever sends so much ahead is there
                    self.deadline.heard();
                    return false;
                }
                let mut buffer = ReadBuf::new(room);
                let read = Pin::new(&mut self.stream).poll_read(context, &mut buffer);
                let bytes = buffer.filled().len();
                self.input.add(bytes);
                read.map_ok(|()| bytes)
            }
        };
        match read {
            Poll::Pending => return false,
            Poll::Ready(Ok(bytes)) if bytes > 0 => self.deadline.heard(),
            Poll::Ready(_) => self.client_ended = true,
        }
        true
    }

    /// So many bytes were read to where a payload is to stay, and perhaps a few that follow it.
    fn read_directly(&mut self, bytes: usize) {
        let beyond = self.decoder.take_beyond(bytes);
        self.input.put(&beyond);
        match self.decoder.take_direct(bytes - beyond.len()) {
            Ok(incoming) => self.arrived(incoming),
            Err(violation) => self.fail(violation),
        }
    }
}
