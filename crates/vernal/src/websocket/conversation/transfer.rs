//! The bytes of a conversation: what is read of its client, and what is written to it.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use crate::websocket::conversation::{Conversation, SERVER_ASKED};
use crate::websocket::outgoing::{CloseAsked, Pieces};
use crate::websocket::wire::Wire;

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Conversation<'_, S> {
    /// Writes what there is. Says whether something has moved.
    pub(super) fn poll_write(&mut self, wire: &mut Wire<S>, context: &mut Context<'_>) -> bool {
        let mut moved = false;
        loop {
            match self.poll_write_some(wire, context) {
                Poll::Ready(Ok(0)) => break,
                Poll::Ready(Ok(bytes)) => {
                    self.signals.wrote(bytes);
                    self.deadline.wrote(bytes);
                    moved = true;
                }
                Poll::Ready(Err(_)) => {
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
        self.poll_finish(wire, context) || moved
    }

    /// Writes some of what there is; how many bytes, which are none where there is nothing to write.
    fn poll_write_some(&mut self, wire: &mut Wire<S>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.signals.has_news() || (self.more_to_write && wire.writing.is_empty()) {
            self.take_ready(&mut wire.writing);
        }
        if wire.writing.is_empty() || self.lost {
            return Poll::Ready(Ok(0));
        }
        wire.poll_write(context)
    }

    /// Looks at the queue: takes what is to be written next, unless there is something left of what was taken before.
    fn take_ready(&mut self, writing: &mut Pieces) {
        let mut outgoing = self.session.outgoing();
        self.more_to_write = outgoing.take_ready(writing);
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

    /// Flushes; after the last frame ends the stream, so that the client sees its end before its own (section 7.1.1).
    fn poll_finish(&mut self, wire: &mut Wire<S>, context: &mut Context<'_>) -> bool {
        if self.lost || self.shut {
            return false;
        }
        match wire.poll_flush(context) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => self.vanish(),
            Poll::Pending => return false,
        }
        let has_heard_all = self.deaf || self.client_ended;
        let may_shut = self.outcome.is_some() && has_heard_all && !self.session.outgoing().is_within_frame();
        if !may_shut {
            return false;
        }
        match Pin::new(&mut wire.stream).poll_shutdown(context) {
            Poll::Ready(Ok(())) => self.shut = true,
            Poll::Ready(Err(_)) => self.vanish(),
            Poll::Pending => return false,
        }
        true
    }

    /// Reads once. Says whether something arrived.
    pub(super) fn poll_read(&mut self, wire: &mut Wire<S>, context: &mut Context<'_>) -> bool {
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
                let read = pin!(wire.stream.read_buf(&mut room)).poll(context);
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
                let read = Pin::new(&mut wire.stream).poll_read(context, &mut buffer);
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
