//! Reading from a place of a file, with and without waiting for the disk.

use std::fs::File;
use std::io;

/// Fills the buffer from this place of the file. Only one reader has the file at a time, so it may be moved in.
///
/// # Errors
///
/// The file's end comes before the buffer's, or what the system says.
pub(super) fn read_exactly(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
    #[cfg(unix)]
    let result = std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset);
    #[cfg(not(unix))]
    let result = {
        use std::io::{Read, Seek, SeekFrom};
        let mut file = file;
        file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(buffer))
    };
    result.map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            io::Error::new(error.kind(), "the file became shorter than it was when its sending began")
        }
        _ => error,
    })
}

/// Fills the buffer from this place of the file if the system has all of it in memory; answers whether it did.
///
/// Where the system or the file system cannot tell what it has in memory (Linux's `tmpfs` and `overlayfs` don't), the
/// answer is always no, as it is when the file ends early: who reads then, and may wait, learns what there is to learn.
pub(super) fn read_at_once(file: &File, offset: u64, buffer: &mut [u8]) -> bool {
    #[cfg(target_os = "linux")]
    {
        use rustix::io::{ReadWriteFlags, preadv2};
        let length = buffer.len();
        let mut buffers = [io::IoSliceMut::new(buffer)];
        length == 0 || preadv2(file, &mut buffers, offset, ReadWriteFlags::NOWAIT) == Ok(length)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (file, offset);
        buffer.is_empty()
    }
}

/// How many bytes from this place on, of so many, the system seems to have in memory.
///
/// One byte of each stretch is asked for: the system brings in and drops much at a time. What falls between is waited for
/// when it is sent, as nginx waits for all of it.
pub(super) fn in_memory(file: &File, offset: u64, length: u64) -> u64 {
    const STRETCH: u64 = 256 * 1024;
    let mut found = 0;
    while found < length && read_at_once(file, offset + found, &mut [0]) {
        found = length.min(found + STRETCH);
    }
    found
}
