//! Encoded frames on their way: small ones copied behind each other, large ones from where they are.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;
use smallvec::SmallVec;

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

impl Piece {
    fn as_slice(&self) -> &[u8] {
        match self {
            Piece::Small(bytes) => bytes,
            Piece::Large(bytes) => bytes,
        }
    }
}

/// Parts of the stream, in order.
#[derive(Default)]
pub(crate) struct Pieces {
    /// What is small at the beginning, which is mostly all; empty where something large comes first.
    first: Vec<u8>,
    rest: VecDeque<Piece>,
    bytes: usize,
}

impl Pieces {
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_empty() && self.rest.is_empty()
    }

    /// The end of the stream, to which something small is added.
    fn small(&mut self) -> &mut Vec<u8> {
        if self.rest.is_empty() && self.first.len() < GATHERED {
            if self.first.capacity() == 0 {
                self.first = SPARE.take();
            }
            return &mut self.first;
        }
        if !matches!(self.rest.back(), Some(Piece::Small(bytes)) if bytes.len() < GATHERED) {
            self.rest.push_back(Piece::Small(SPARE.take()));
        }
        match self.rest.back_mut() {
            Some(Piece::Small(bytes)) => bytes,
            _ => unreachable!("one was added where there was none"),
        }
    }

    /// Bytes that are left of it.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn push_frame(&mut self, opcode: Opcode, fin: bool, compressed: bool, payload: Payload<'_>) {
        let small = self.small();
        let before = small.len();
        write_header(small, opcode, fin, compressed, payload.len() as u64);
        if payload.len() < LARGE {
            small.extend_from_slice(payload.as_slice());
            self.bytes += small.len() - before;
        } else {
            self.bytes += small.len() - before;
            self.push(payload);
        }
    }

    pub(super) fn push_header(&mut self, opcode: Opcode, fin: bool, compressed: bool, length: u64) {
        let small = self.small();
        let before = small.len();
        write_header(small, opcode, fin, compressed, length);
        let written = small.len() - before;
        self.bytes += written;
    }

    pub(super) fn push(&mut self, payload: Payload<'_>) {
        self.bytes += payload.len();
        match payload {
            Payload::Owned(bytes) if bytes.len() >= LARGE => self.rest.push_back(Piece::Large(bytes)),
            Payload::Owned(bytes) => self.small().extend_from_slice(&bytes),
            Payload::Borrowed(bytes) => self.small().extend_from_slice(bytes),
        }
    }

    pub(super) fn append(&mut self, other: &mut Pieces) {
        if !other.first.is_empty() {
            self.rest.push_back(Piece::Small(std::mem::take(&mut other.first)));
        }
        self.rest.append(&mut other.rest);
        self.bytes += std::mem::take(&mut other.bytes);
    }

    /// What is left of the first part, of which so many bytes were written; and whether it is all that there is.
    pub(crate) fn first(&self, done: usize) -> (&[u8], bool) {
        if !self.first.is_empty() {
            return (&self.first[done..], self.rest.is_empty());
        }
        (self.rest.front().map_or(&[], |piece| &piece.as_slice()[done..]), self.rest.len() <= 1)
    }

    /// The first parts, for one system call.
    pub(crate) fn slices(&self, done: usize) -> SmallVec<[IoSlice<'_>; VECTORED]> {
        let mut done = done;
        let first = Some(&self.first[..]).filter(|first| !first.is_empty());
        let parts = first.into_iter().chain(self.rest.iter().map(Piece::as_slice)).take(VECTORED);
        parts.map(|part| IoSlice::new(&part[std::mem::take(&mut done)..])).collect()
    }

    /// So many bytes were written; returns how far that reaches into the first part that is left.
    pub(crate) fn advance(&mut self, mut written: usize) -> usize {
        self.bytes = self.bytes.saturating_sub(written);
        if !self.first.is_empty() {
            if written < self.first.len() {
                return written;
            }
            written -= self.first.len();
            give_back(std::mem::take(&mut self.first));
        }
        while let Some(piece) = self.rest.front() {
            let length = piece.as_slice().len();
            if written < length {
                break;
            }
            written -= length;
            if let Some(Piece::Small(bytes)) = self.rest.pop_front() {
                give_back(bytes);
            }
        }
        written
    }
}

/// Keeps room for the next connection of this thread that needs some.
fn give_back(mut room: Vec<u8>) {
    room.clear();
    if room.capacity() <= 2 * GATHERED {
        SPARE.set(room);
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

    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Payload::Borrowed(bytes) => bytes,
            Payload::Owned(bytes) => bytes,
        }
    }

    /// A part of it.
    pub(super) fn part(&self, begin: usize, end: usize) -> Payload<'_> {
        match self {
            Payload::Borrowed(bytes) => Payload::Borrowed(&bytes[begin..end]),
            Payload::Owned(bytes) => Payload::Owned(bytes.slice(begin..end)),
        }
    }
}
