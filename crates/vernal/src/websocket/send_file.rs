//! A file as a message, read and sent piece by piece.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use crate::Result;
use crate::websocket::frame::Opcode;
use crate::websocket::outgoing::Outgoing;
use crate::websocket::{SendError, WebsocketSession};

/// So many bytes are read at a time.
const PIECE: usize = 256 * 1024;

/// Sends the file in frames of `chunk_size` bytes, or in one frame where that is 0.
pub(crate) async fn send(session: &WebsocketSession, path: PathBuf, chunk_size: usize) -> Result<()> {
    let opened = open(&path).await.ok_or_else(|| unreadable(&path))?;
    session.when_there_is_room(Outgoing::begin_file).await?;
    let under_way = UnderWay { session: session.clone(), is_whole: false };
    send_pieces(under_way, opened, path, chunk_size).await
}

/// Opens the file and takes its place among the messages now; what is left to do is sending it.
pub(crate) fn begin(
    session: &WebsocketSession,
    path: PathBuf,
    chunk_size: usize,
) -> Result<impl Future<Output = Result<()>> + Send + use<>> {
    let (file, length) = open_here(&path).ok_or_else(|| unreadable(&path))?;
    session.outgoing().begin_file()?;
    let under_way = UnderWay { session: session.clone(), is_whole: false };
    Ok(async move { send_pieces(under_way, (File::from_std(file), length), path, chunk_size).await })
}

async fn send_pieces(
    mut under_way: UnderWay,
    (mut file, length): (File, u64),
    path: PathBuf,
    chunk_size: usize,
) -> Result<()> {
    let chunk_size = if chunk_size == 0 { length } else { chunk_size as u64 };
    let mut cut = Cut { chunk_size, unsent: length, frame_left: 0, has_begun: false };
    loop {
        let piece = read(&mut file, cut.unsent).await.ok_or_else(|| unreadable(&path))?;
        under_way
            .session
            .when_there_is_room(|outgoing| {
                outgoing.check_room_for_file()?;
                cut.send(outgoing, piece.clone());
                Ok(())
            })
            .await?;
        if cut.unsent == 0 {
            under_way.is_whole = true;
            return Ok(());
        }
    }
}

async fn open(path: &Path) -> Option<(File, u64)> {
    let file = File::open(path).await.ok()?;
    let metadata = file.metadata().await.ok()?;
    if metadata.is_file() { Some((file, metadata.len())) } else { None }
}

fn open_here(path: &Path) -> Option<(std::fs::File, u64)> {
    let file = std::fs::File::open(path).ok()?;
    let metadata = file.metadata().ok()?;
    if metadata.is_file() { Some((file, metadata.len())) } else { None }
}

fn unreadable(path: &Path) -> SendError {
    SendError::File(path.display().to_string())
}

/// The next bytes of the file; none if it has become shorter, for then its frame cannot be finished.
async fn read(file: &mut File, unsent: u64) -> Option<Bytes> {
    let mut piece = vec![0; unsent.min(PIECE as u64) as usize];
    file.read_exact(&mut piece).await.ok()?;
    Some(piece.into())
}

/// Where the file is cut into frames.
struct Cut {
    chunk_size: u64,
    unsent: u64,
    frame_left: u64,
    has_begun: bool,
}

impl Cut {
    fn send(&mut self, outgoing: &mut Outgoing, mut piece: Bytes) {
        loop {
            if self.frame_left == 0 {
                self.frame_left = self.unsent.min(self.chunk_size);
                let is_last = self.frame_left == self.unsent;
                let opcode = if self.has_begun { Opcode::Continuation } else { Opcode::Binary };
                outgoing.file_header(opcode, is_last, self.frame_left);
                self.has_begun = true;
            }
            let bytes = piece.split_to(self.frame_left.min(piece.len() as u64) as usize);
            self.frame_left -= bytes.len() as u64;
            self.unsent -= bytes.len() as u64;
            outgoing.file_bytes(bytes, self.frame_left == 0);
            if piece.is_empty() {
                return;
            }
        }
    }
}

/// A file that has begun. If it does not become whole, since it cannot be read any more or no one waits for it, the
/// connection cannot go on.
struct UnderWay {
    session: WebsocketSession,
    is_whole: bool,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.session.outgoing().end_file(self.is_whole);
        self.session.notify_room();
    }
}
