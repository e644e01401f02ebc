//! Uploaded files: small ones in memory, large ones in a temporary file.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// How much is written to the temporary file at a time.
const WRITE_BYTES: usize = 256 * 1024;

/// The longest file name that the usual file systems take.
const FILENAME_BYTES: usize = 255;

/// A file of a multipart form.
///
/// Its content is in memory, or, from [`Limits::spool_bytes`](crate::Limits::spool_bytes) on, in a temporary file
/// without a name that is gone when the last clone of this value is dropped. Clones are cheap and share the content.
///
/// ```
/// use vernal::MultipartFile;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let file = MultipartFile::from_bytes("img", "../me.png", "image/png", "…");
/// assert_eq!(file.filename(), "../me.png");
/// assert_eq!(file.safe_filename(), "me.png");
/// assert_eq!(file.text().await?, "…");
/// # std::io::Result::Ok(()) })?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone)]
pub struct MultipartFile(Arc<Inner>);

struct Inner {
    name: String,
    filename: String,
    content_type: Option<String>,
    content: Content,
}

/// Where the content of a file is.
pub(super) enum Content {
    Memory(Bytes),
    /// The lock is for the position in the file, which readers share; it is only taken where blocking is allowed.
    Spooled {
        file: Mutex<File>,
        length: u64,
    },
}

impl MultipartFile {
    pub(super) fn new(
        name: String,
        filename: String,
        content_type: Option<String>,
        content: Content,
    ) -> Self {
        MultipartFile(Arc::new(Inner { name, filename, content_type, content }))
    }

    /// A file with this content in memory, as a test of a controller needs it.
    pub fn from_bytes(
        name: impl Into<String>,
        filename: impl Into<String>,
        content_type: impl Into<String>,
        content: impl Into<Bytes>,
    ) -> Self {
        let content = Content::Memory(content.into());
        MultipartFile::new(name.into(), filename.into(), Some(content_type.into()), content)
    }

    /// The name of the form's field.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The file name as the client sent it, maybe empty.
    ///
    /// Never use it as a path: it may be `../../etc/passwd`. See [`safe_filename`](MultipartFile::safe_filename).
    pub fn filename(&self) -> &str {
        &self.0.filename
    }

    /// The file name made fit to be joined to a directory.
    ///
    /// It is what follows the last `/` or `\`, without control characters, without dots and spaces at its start and
    /// end, with `_` for the characters and before the names that Windows reserves, cut to 255 bytes. It is never
    /// empty: where nothing is left it is `file`. Two uploads may well have the same one.
    ///
    /// ```
    /// use vernal::MultipartFile;
    ///
    /// let safe = |name: &str| MultipartFile::from_bytes("f", name, "text/plain", "").safe_filename();
    /// assert_eq!(safe("C:\\me\\photo.jpg"), "photo.jpg");
    /// assert_eq!(safe("/home/me/.bashrc"), "bashrc");
    /// assert_eq!(safe("nul.txt"), "_nul.txt");
    /// assert_eq!(safe(".."), "file");
    /// ```
    pub fn safe_filename(&self) -> String {
        let is_blank = |character: char| character == '.' || character.is_whitespace();
        let last = self.0.filename.rsplit(['/', '\\']).next().unwrap_or_default();
        let visible: String = last
            .chars()
            .filter(|character| !character.is_control())
            .map(|character| if r#"<>:"|?*"#.contains(character) { '_' } else { character })
            .collect();
        let mut name = visible.trim_matches(is_blank).to_owned();
        if is_reserved_by_windows(&name) {
            name.insert(0, '_');
        }
        name.truncate(name.floor_char_boundary(FILENAME_BYTES));
        name.truncate(name.trim_end_matches(is_blank).len());
        if name.is_empty() { "file".to_owned() } else { name }
    }

    /// The media type the client gave, or `application/octet-stream`.
    pub fn content_type(&self) -> &str {
        self.0.content_type.as_deref().unwrap_or("application/octet-stream")
    }

    /// The length of the content in bytes.
    pub fn len(&self) -> u64 {
        match &self.0.content {
            Content::Memory(bytes) => bytes.len() as u64,
            Content::Spooled { length, .. } => *length,
        }
    }

    /// Whether the content is empty, as it is when no file was chosen in a browser's form.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the content is in a temporary file.
    pub fn is_spooled(&self) -> bool {
        matches!(self.0.content, Content::Spooled { .. })
    }

    /// The content; that of a spooled file is read into memory.
    ///
    /// Fails if the temporary file cannot be read.
    pub async fn bytes(&self) -> io::Result<Bytes> {
        if let Content::Memory(bytes) = &self.0.content {
            return Ok(bytes.clone());
        }
        let file = self.clone();
        blocking(move || {
            let mut content = Vec::with_capacity(usize::try_from(file.len()).unwrap_or_default());
            file.copy_to(&mut content)?;
            Ok(content.into())
        })
        .await
    }

    /// The content as text.
    ///
    /// Fails with `InvalidData` if it is not UTF-8, or if the temporary file cannot be read.
    pub async fn text(&self) -> io::Result<String> {
        let bytes = self.bytes().await?;
        String::from_utf8(bytes.into()).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// Writes the content to a new file, or over an existing one, and returns its length.
    ///
    /// Fails if that file cannot be written, or the temporary file not be read.
    pub async fn save_to(&self, path: impl AsRef<Path>) -> io::Result<u64> {
        let file = self.clone();
        let path = path.as_ref().to_owned();
        blocking(move || file.copy_to(&mut File::create(path)?)).await
    }

    /// Copies the whole content; blocks.
    fn copy_to<W: Write>(&self, target: &mut W) -> io::Result<u64> {
        match &self.0.content {
            Content::Memory(bytes) => target.write_all(bytes).map(|()| bytes.len() as u64),
            Content::Spooled { file, .. } => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.rewind()?;
                io::copy(&mut Read::by_ref(&mut *file), target)
            }
        }
    }
}

impl fmt::Debug for MultipartFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MultipartFile")
            .field("name", &self.name())
            .field("filename", &self.filename())
            .field("content_type", &self.content_type())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// Whether Windows takes this file name for a device, whatever its extension.
fn is_reserved_by_windows(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let numbered = |prefix| {
        stem.strip_prefix(prefix).is_some_and(|number| {
            let mut characters = number.chars();
            matches!((characters.next(), characters.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
        })
    };
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul" | "conin$" | "conout$")
        || numbered("com")
        || numbered("lpt")
}

/// A file being received: in memory until it grows too large for that.
pub(super) struct Spool {
    pending: Vec<u8>,
    /// The temporary file and how much was written to it, once there is one.
    written: Option<(File, u64)>,
    memory_bytes: usize,
}

impl Spool {
    /// A file that stays in memory up to `memory_bytes`.
    pub(super) fn new(memory_bytes: usize) -> Self {
        Spool { pending: Vec::new(), written: None, memory_bytes }
    }

    /// Adds a piece of content.
    pub(super) async fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.pending.extend_from_slice(piece);
        let bound = if self.written.is_some() { WRITE_BYTES } else { self.memory_bytes };
        if self.pending.len() > bound { self.flush().await } else { Ok(()) }
    }

    /// The content received.
    pub(super) async fn finish(mut self) -> io::Result<Content> {
        if self.written.is_some() && !self.pending.is_empty() {
            self.flush().await?;
        }
        Ok(match self.written {
            Some((file, length)) => Content::Spooled { file: Mutex::new(file), length },
            None => Content::Memory(self.pending.into()),
        })
    }

    /// Moves what is in memory to the temporary file, away from the thread that serves connections.
    async fn flush(&mut self) -> io::Result<()> {
        let mut pending = std::mem::take(&mut self.pending);
        let written = self.written.take();
        (self.pending, self.written) = blocking(move || {
            let (mut file, length) = match written {
                Some(written) => written,
                None => (tempfile::tempfile()?, 0),
            };
            file.write_all(&pending)?;
            let length = length + pending.len() as u64;
            pending.clear();
            Ok((pending, Some((file, length))))
        })
        .await?;
        Ok(())
    }
}

/// Runs `work` where blocking is allowed: on tokio's blocking threads, or right here where no runtime is.
async fn blocking<T, W>(work: W) -> io::Result<T>
where
    T: Send + 'static,
    W: FnOnce() -> io::Result<T> + Send + 'static,
{
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => runtime.spawn_blocking(work).await?,
        Err(_) => work(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn safe(filename: &str) -> String {
        MultipartFile::from_bytes("f", filename, "a/b", "").safe_filename()
    }

    async fn spooled(memory_bytes: usize, pieces: &[&[u8]]) -> MultipartFile {
        let mut spool = Spool::new(memory_bytes);
        for piece in pieces {
            spool.write(piece).await.expect("written");
        }
        MultipartFile::new("f".into(), "a.txt".into(), None, spool.finish().await.expect("finished"))
    }

    #[test]
    fn a_safe_file_name_is_the_last_component() {
        for (filename, expected) in [
            ("a.txt", "a.txt"),
            ("/etc/passwd", "passwd"),
            ("..\\..\\a b.txt", "a b.txt"),
            ("a/b\\c/中文.txt", "中文.txt"),
            ("a/", "file"),
            ("", "file"),
        ] {
            assert_eq!(safe(filename), expected, "{filename}");
        }
    }

    #[test]
    fn a_safe_file_name_hides_nothing_and_climbs_nowhere() {
        for (filename, expected) in [
            (".", "file"),
            ("..", "file"),
            ("...htaccess", "htaccess"),
            ("a\0b\r\nc\u{7f}", "abc"),
            ("\0..\0", "file"),
            (" . a. . ", "a"),
            ("C:a|b.txt", "C_a_b.txt"),
        ] {
            assert_eq!(safe(filename), expected, "{filename}");
        }
    }

    #[test]
    fn a_safe_file_name_is_no_device_of_windows() {
        for filename in ["con", "NUL.txt", "com1", "LPT9.tar.gz", "aux .txt", "COM¹"] {
            assert_eq!(safe(filename), format!("_{filename}"));
        }
        for filename in ["contact", "com", "com10", "null", "lpt.txt"] {
            assert_eq!(safe(filename), filename);
        }
    }

    #[test]
    fn a_safe_file_name_is_cut_between_characters() {
        assert_eq!(safe(&"é".repeat(200)), "é".repeat(127));
        assert_eq!(safe(&format!("{}..", "a".repeat(254))).len(), 254);
        assert_eq!(safe(&format!("{}. b", "a".repeat(253))).len(), 253);
    }

    #[tokio::test]
    async fn a_small_file_stays_in_memory() {
        let file = spooled(3, &[b"a", b"bc"]).await;
        assert!(!file.is_spooled());
        assert_eq!(file.len(), 3);
        assert_eq!(file.text().await.expect("text"), "abc");
        assert_eq!(file.content_type(), "application/octet-stream");
    }

    #[tokio::test]
    async fn a_large_file_is_spooled_and_can_be_read_again_and_again() {
        let piece = vec![b'x'; WRITE_BYTES / 2 + 1];
        let file = spooled(3, &[b"abc", b"d", &piece, &piece, b"e"]).await;
        assert!(file.is_spooled());
        let expected = [b"abcd", &piece[..], &piece[..], b"e"].concat();
        assert_eq!(file.len(), expected.len() as u64);
        for _ in 0..2 {
            assert_eq!(file.bytes().await.expect("bytes"), expected);
        }
        assert_eq!(file.clone().text().await.expect("text").len(), expected.len());
    }

    #[tokio::test]
    async fn a_file_that_is_not_text_says_so() {
        let file = MultipartFile::from_bytes("f", "", "", &b"\xff"[..]);
        assert_eq!(file.text().await.expect_err("no text").kind(), io::ErrorKind::InvalidData);
    }

    #[tokio::test]
    async fn a_file_is_saved_whole_and_over_an_old_one() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("saved");
        for content in [&b"longer than three"[..], b"abc", b""] {
            for memory_bytes in [0, 100] {
                let file = spooled(memory_bytes, &[content]).await;
                assert_eq!(file.save_to(&path).await.expect("saved"), content.len() as u64);
                assert_eq!(std::fs::read(&path).expect("read"), content);
            }
        }
    }

    #[test]
    fn a_file_can_be_spooled_and_read_where_no_runtime_is() {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let mut future = std::pin::pin!(async { spooled(0, &[b"abc"]).await.bytes().await });
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(bytes) => assert_eq!(bytes.expect("bytes"), "abc"),
            std::task::Poll::Pending => panic!("nothing to wait for"),
        }
    }

    #[test]
    fn the_debug_text_shows_no_content() {
        let file = MultipartFile::from_bytes("f", "a.txt", "text/plain", "secret");
        assert!(!format!("{file:?}").contains("secret"));
    }
}
