//! What has been read of a client and not understood yet.

use std::cell::Cell;

use bytes::Bytes;

/// So many bytes are read at a time.
const READ: usize = 16 * 1024;

/// Less than this moves to a place of its own when its connection goes to sleep.
const SMALL: usize = 1024;

thread_local! {
    /// The buffer that no connection of this thread is using; an idle connection keeps none.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A buffer that is there only while there is something in it.
pub(crate) struct Input {
    buffer: Vec<u8>,
    begin: usize,
    end: usize,
}

impl Input {
    /// Begins with what was read before.
    pub(crate) fn new(early: Bytes) -> Self {
        let buffer = Vec::from(early);
        Input { begin: 0, end: buffer.len(), buffer }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.begin == self.end
    }

    pub(crate) fn unread(&mut self) -> &mut [u8] {
        &mut self.buffer[self.begin..self.end]
    }

    /// So many bytes were understood.
    pub(crate) fn consume(&mut self, bytes: usize) {
        self.begin += bytes;
        if self.begin == self.end {
            (self.begin, self.end) = (0, 0);
        }
    }

    /// Forgets what is unread.
    pub(crate) fn clear(&mut self) {
        (self.begin, self.end) = (0, 0);
    }

    /// Where more can be read to; empty if the buffer is full.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        if self.buffer.len() < READ {
            let mut buffer = SPARE.take();
            if buffer.len() < READ {
                buffer = vec![0; READ];
            }
            let unread = self.end - self.begin;
            if unread > 0 {
                buffer[..unread].copy_from_slice(&self.buffer[self.begin..self.end]);
            }
            (self.buffer, self.begin, self.end) = (buffer, 0, unread);
        } else if self.end == self.buffer.len() && self.begin > 0 {
            self.buffer.copy_within(self.begin..self.end, 0);
            (self.begin, self.end) = (0, self.end - self.begin);
        }
        &mut self.buffer[self.end..]
    }

    /// So many bytes were read into the room.
    pub(crate) fn add(&mut self, bytes: usize) {
        self.end += bytes;
    }

    /// Adds a few bytes that were read elsewhere; there is always room for them where nothing is unread.
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.room()[..bytes.len()].copy_from_slice(bytes);
            self.add(bytes.len());
        }
    }

    /// Gives back the room that is not needed, for as long as nothing arrives.
    pub(crate) fn rest(&mut self) {
        let unread = self.end - self.begin;
        if unread == 0 && self.buffer.len() >= READ {
            SPARE.set(std::mem::take(&mut self.buffer));
        } else if unread < SMALL && self.buffer.len() >= READ {
            let small = self.buffer[self.begin..self.end].to_vec();
            SPARE.set(std::mem::replace(&mut self.buffer, small));
            (self.begin, self.end) = (0, unread);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unread_outlives_rests_and_reads() {
        let mut input = Input::new(Bytes::from_static(b"abc"));
        input.consume(1);
        input.room()[..2].copy_from_slice(b"de");
        input.add(2);
        input.rest();
        assert_eq!(input.buffer.len(), 4);
        assert_eq!(input.unread(), b"bcde");
        let room = input.room().len();
        input.add(room);
        assert!(input.room().is_empty());
        input.consume(4);
        assert_eq!(input.room().len(), 4);
        input.consume(READ - 4);
        assert!(input.is_empty());
        input.rest();
        assert_eq!(input.buffer.capacity(), 0);
    }
}
