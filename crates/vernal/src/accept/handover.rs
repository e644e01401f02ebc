//! Files that go from the page cache to the socket without a detour through this process.
//!
//! The HTTP library takes bodies as bytes. So the body of a file gives it bytes that only stand in for the file's own,
//! and leaves word here of which file they stand for. The library passes them on by reference, since it is told that
//! the socket gathers what it writes (it copies them nowhere: nothing may ever read them); the socket knows them by
//! their address, and has the system send the file's bytes in their place (`sendfile`).

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, ready};

use bytes::Bytes;

/// The most that goes over in one piece: a connection should not keep the others of its thread waiting for longer.
pub(crate) const LONGEST: u64 = 1024 * 1024;

/// What stands in for files. Nobody reads it, so it takes no memory.
static STAND_IN: [u8; LONGEST as usize] = [0; LONGEST as usize];

/// The pieces of files that one connection has before it, in the order of their stand-ins.
#[derive(Debug, Default)]
pub(crate) struct Handover(Mutex<VecDeque<Piece>>);

#[derive(Debug)]
struct Piece {
    file: Arc<File>,
    range: Range<u64>,
}

impl Handover {
    /// Takes this part of a file, of [`LONGEST`] bytes at most; answers what stands in for it.
    pub(crate) fn push(&self, file: Arc<File>, range: Range<u64>) -> Bytes {
        let length = (range.end - range.start) as usize;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(Piece { file, range });
        Bytes::from_static(&STAND_IN[..length])
    }

    /// Whether these bytes stand in for a file.
    pub(crate) fn is_stand_in(bytes: &[u8]) -> bool {
        let (all, these) = (STAND_IN.as_ptr_range(), bytes.as_ptr_range());
        !bytes.is_empty() && all.start <= these.start && these.end <= all.end
    }

    /// Sends something of what these many bytes stand in for; answers how much. `send` gets the file, the offset and
    /// the number of bytes.
    ///
    /// # Errors
    ///
    /// The file has become shorter than was promised; what `send` says.
    pub(crate) fn poll_send(
        &self,
        length: usize,
        send: impl FnOnce(&File, u64, usize) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let mut pieces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let piece = pieces.front_mut().filter(|piece| piece.range.end - piece.range.start == length as u64);
        let Some(piece) = piece else {
            return Poll::Ready(Err(io::Error::other("a stand-in has come without its file")));
        };
        let sent = ready!(send(&piece.file, piece.range.start, length))?;
        if sent == 0 {
            let text = "the file became shorter than it was when its sending began";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, text)));
        }
        piece.range.start += sent as u64;
        if piece.range.is_empty() {
            pieces.pop_front();
        }
        Poll::Ready(Ok(sent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Arc<File> {
        Arc::new(tempfile::tempfile().expect("a file"))
    }

    #[test]
    fn what_stands_in_is_known_by_its_place_in_memory_and_by_nothing_else() {
        let handover = Handover::default();
        let mut stand_in = handover.push(file(), 0..LONGEST);
        assert_eq!(stand_in.len() as u64, LONGEST);
        assert!(Handover::is_stand_in(&stand_in));
        assert!(Handover::is_stand_in(&stand_in.split_off(LONGEST as usize - 1)));
        assert!(Handover::is_stand_in(&stand_in[1000..2000]));
        assert!(!Handover::is_stand_in(&stand_in[..0]));
        assert!(!Handover::is_stand_in(&vec![0; LONGEST as usize]));
    }

    #[test]
    fn files_go_out_in_the_order_of_their_stand_ins_piece_by_piece() {
        let handover = Handover::default();
        handover.push(file(), 10..15);
        handover.push(file(), 100..101);
        let mut asked = Vec::new();
        for length in [5, 2, 1] {
            let send = |_: &File, offset, count: usize| {
                asked.push((offset, count));
                Poll::Ready(Ok(count.min(3)))
            };
            assert!(matches!(handover.poll_send(length, send), Poll::Ready(Ok(1..))));
        }
        assert_eq!(asked, [(10, 5), (13, 2), (100, 1)]);
    }

    #[test]
    fn a_stand_in_whose_file_is_not_known_is_an_error_and_so_is_a_file_that_has_ended() {
        let handover = Handover::default();
        let error = |length, sent: usize| match handover.poll_send(length, |_, _, _| Poll::Ready(Ok(sent))) {
            Poll::Ready(Err(error)) => error.to_string(),
            polled => panic!("{polled:?}"),
        };
        assert_eq!(error(1, 1), "a stand-in has come without its file");
        handover.push(file(), 0..10);
        assert_eq!(error(9, 9), "a stand-in has come without its file");
        assert_eq!(error(10, 0), "the file became shorter than it was when its sending began");
    }

    #[test]
    fn what_has_to_wait_stays_where_it_is() {
        let handover = Handover::default();
        handover.push(file(), 0..10);
        assert!(handover.poll_send(10, |_, _, _| Poll::Pending).is_pending());
        assert!(matches!(handover.poll_send(10, |_, _, _| Poll::Ready(Ok(10))), Poll::Ready(Ok(10))));
    }
}
