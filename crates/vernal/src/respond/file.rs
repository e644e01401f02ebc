//! A file as the answer: whole, in ranges, or not at all because the client has it (RFC 9110 sections 13 and 14).

mod cache;
mod disposition;
mod read;
mod source;
mod stamp;
mod stream;

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

pub(crate) use self::cache::FileCache;
use self::source::Source;
pub(crate) use self::stamp::Stamp;
pub(crate) use self::stream::FileStream;
use self::stream::Segments;
use super::conditional::{self, Verdict};
use super::content_type;
use super::range::Ranges;
use crate::{Headers, HttpError};

/// A file of the server's disk as a response.
///
/// The file is opened when the response is sent, not before. Requests by GET and HEAD get what HTTP offers for files:
/// an `ETag` and `Last-Modified`, the conditional answers 304 and 412 (RFC 9110 section 13), ranges with 206 and 416
/// (section 14). A HEAD request has the fields of the whole file and no body. For other methods the file is only the
/// content of the answer, and always whole. Files of any size are sent in constant memory; small ones that are asked for
/// often stay in memory ([`Limits::file_cache`](crate::Limits::file_cache)) while the disk has the same.
///
/// If there is no such file, or it is a directory or a device, or may not be read, the answer is a 404 with the
/// explanation `Cannot find file for this url.` (`spec/05` section 6).
///
/// The path is the program's own. A path that a client sends, even in part, belongs into a
/// [resource pattern](crate::Builder::resource), which lets nothing outside its directory be reached.
///
/// ```
/// use vernal::respond::StaticFile;
///
/// fn report() -> StaticFile {
///     StaticFile::new("reports/2026.pdf").download_as("Report 2026.pdf").cache_control("private, max-age=3600")
/// }
/// # let _ = report();
/// ```
#[derive(Debug, Clone)]
pub struct StaticFile {
    path: PathBuf,
    fields: Headers,
    /// What stood at the path a moment ago, if somebody has looked.
    stamp: Option<Stamp>,
}

impl StaticFile {
    /// The file at this path; a relative path starts at the process's current directory.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        StaticFile { path: path.into(), fields: Headers::new(), stamp: None }
    }

    /// A file that was found at this path just now.
    pub(crate) fn found(path: PathBuf, stamp: Stamp) -> Self {
        StaticFile { path, fields: Headers::new(), stamp: Some(stamp) }
    }

    /// The `Content-Type`, sent as it is given. Default: by the extension of the path, without a charset;
    /// `application/octet-stream` where the extension is unknown.
    ///
    /// A value that cannot be sent (a line break in it, say) makes the answer a 500 and a line in the log, as with
    /// [`Headers`].
    pub fn content_type(mut self, content_type: impl fmt::Display) -> Self {
        self.fields.insert(CONTENT_TYPE, content_type);
        self
    }

    /// Asks the browser to save the file under this name instead of showing it (`Content-Disposition: attachment`,
    /// RFC 6266). Default: the browser decides.
    ///
    /// Any name may be given: path separators and control characters become `_`, and a name beyond ASCII is sent
    /// both as RFC 8187 has it and in a plain form for old clients.
    pub fn download_as(mut self, name: impl AsRef<str>) -> Self {
        self.fields.insert(http::header::CONTENT_DISPOSITION, disposition::attachment(name.as_ref()));
        self
    }

    /// The `Cache-Control` field. Default: none, and a cache guesses by the file's age (RFC 9111 section 4.2.2).
    ///
    /// A value that cannot be sent is treated as with [`content_type`](StaticFile::content_type).
    pub fn cache_control(mut self, directives: impl fmt::Display) -> Self {
        self.fields.insert(CACHE_CONTROL, directives);
        self
    }

    #[cfg(any(test, feature = "compression"))]
    pub(crate) fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Opens the file and settles what of it is sent.
    ///
    /// Opening happens in place, as nginx does it, for it takes less than handing it to another thread and back. What
    /// is small is read in place as well where the system has it in memory, or else by the stream, which lets another
    /// thread wait for the disk.
    ///
    /// Without `ranges` the whole file is sent to whoever asks for a part.
    ///
    /// # Errors
    ///
    /// 404 if there is no such regular file; 500, with a line in the log, if it is there and cannot be opened, or if a
    /// field cannot be sent.
    pub(crate) fn open_with(
        &self,
        method: &Method,
        headers: &Headers,
        cache: Option<&Arc<FileCache>>,
        ranges: bool,
    ) -> Result<FileAnswer, HttpError> {
        if method != Method::GET && method != Method::HEAD {
            return self.open_whole(cache);
        }
        self.check()?;
        let source = Source::open(&self.path, self.stamp, cache)?;
        let validators = source.validators();
        match conditional::evaluate(method, headers, validators.tag(), validators.modified) {
            Verdict::NotModified => return Ok(self.not_modified(&source)),
            Verdict::PreconditionFailed => return Ok(FileAnswer::refusal(StatusCode::PRECONDITION_FAILED)),
            Verdict::Proceed => {}
        }
        if method == Method::HEAD {
            let length = Some(validators.length);
            return Ok(FileAnswer::new(StatusCode::OK, self.describe(&source), FileBody::Empty { length }));
        }
        let requested = if ranges { source.requested(headers) } else { Ranges::Whole };
        match requested {
            Ranges::Whole => Ok(self.whole(source)),
            Ranges::Single(range) => Ok(self.part(source, range)),
            Ranges::Several(ranges) => self.parts(source, ranges),
            Ranges::Unsatisfiable => {
                let mut answer = FileAnswer::refusal(StatusCode::RANGE_NOT_SATISFIABLE);
                set(&mut answer.headers, CONTENT_RANGE, &format!("bytes */{}", validators.length));
                Ok(answer)
            }
        }
    }

    /// As [`open_with`](StaticFile::open_with), with ranges.
    #[cfg(test)]
    pub(crate) fn open(
        &self,
        method: &Method,
        headers: &Headers,
        cache: Option<&Arc<FileCache>>,
    ) -> Result<FileAnswer, HttpError> {
        self.open_with(method, headers, cache, true)
    }

    /// Opens the file to send all of it, whatever the request says of ranges and preconditions.
    ///
    /// # Errors
    ///
    /// As [`open_with`](StaticFile::open_with).
    pub(crate) fn open_whole(&self, cache: Option<&Arc<FileCache>>) -> Result<FileAnswer, HttpError> {
        self.check()?;
        Ok(self.whole(Source::open(&self.path, self.stamp, cache)?))
    }

    /// Refuses fields that cannot be sent.
    fn check(&self) -> Result<(), HttpError> {
        if let Some(field) = self.fields.invalid() {
            tracing::error!(name = field.name, value = field.value, "a file's header field cannot be sent");
            return Err(HttpError::new(500));
        }
        Ok(())
    }

    fn whole(&self, source: Source) -> FileAnswer {
        let fields = self.describe(&source);
        FileAnswer::new(StatusCode::OK, fields, source.whole())
    }

    /// One range. With `If-Range` the fields that describe the file could be left out (section 15.3.7); players and
    /// download managers look at them all the same.
    fn part(&self, source: Source, range: Range<u64>) -> FileAnswer {
        let mut fields = self.describe(&source);
        set(&mut fields, CONTENT_RANGE, &content_range(&range, source.validators().length));
        FileAnswer::new(StatusCode::PARTIAL_CONTENT, fields, source.body(Segments::from(range)))
    }

    /// Several ranges in one answer: `multipart/byteranges` (RFC 9110 section 14.6).
    fn parts(&self, source: Source, ranges: Vec<Range<u64>>) -> Result<FileAnswer, HttpError> {
        let content_type = self.type_of_file();
        let boundary = random_boundary()?;
        let length = source.validators().length;
        let mut segments = Segments::default();
        for range in ranges {
            let content_range = content_range(&range, length);
            let mut header = format!("\r\n--{boundary}\r\nContent-Type: ").into_bytes();
            header.extend_from_slice(content_type.as_bytes());
            header.extend_from_slice(format!("\r\nContent-Range: {content_range}\r\n\r\n").as_bytes());
            segments.push_text(header);
            segments.push_file(range);
        }
        segments.push_text(format!("\r\n--{boundary}--\r\n"));

        let mut fields = self.describe(&source);
        set(&mut fields, CONTENT_TYPE, &format!("multipart/byteranges; boundary={boundary}"));
        Ok(FileAnswer::new(StatusCode::PARTIAL_CONTENT, fields, source.body(segments)))
    }

    /// 304 has the fields that keep a cache's copy fresh and none of those that describe a body (section 15.4.5).
    fn not_modified(&self, source: &Source) -> FileAnswer {
        let mut fields = HeaderMap::new();
        if let Some(directives) = self.fields.as_map().get(CACHE_CONTROL) {
            fields.insert(CACHE_CONTROL, directives.clone());
        }
        fields.insert(ETAG, source.validators().etag.clone());
        FileAnswer::new(StatusCode::NOT_MODIFIED, fields, FileBody::Empty { length: None })
    }

    /// The fields of the file itself, however much of it is sent.
    fn describe(&self, source: &Source) -> HeaderMap {
        let mut fields = self.fields.as_map().clone();
        fields.reserve(4);
        if !fields.contains_key(CONTENT_TYPE) {
            fields.insert(CONTENT_TYPE, self.type_of_file());
        }
        fields.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        let validators = source.validators();
        fields.insert(ETAG, validators.etag.clone());
        fields.insert(LAST_MODIFIED, validators.last_modified.clone());
        fields
    }

    /// The value of `Content-Type` for the file as a whole.
    pub(crate) fn type_of_file(&self) -> HeaderValue {
        let given = self.fields.as_map().get(CONTENT_TYPE).cloned();
        given.unwrap_or_else(|| HeaderValue::from_static(content_type::of_path(&self.path)))
    }

    /// This file in another form, which lies at another path: it has this one's fields.
    #[cfg(feature = "compression")]
    pub(crate) fn in_form(&self, path: PathBuf) -> Self {
        let mut fields = self.fields.clone();
        fields.as_map_mut().insert(CONTENT_TYPE, self.type_of_file());
        StaticFile { path, fields, stamp: None }
    }
}

/// What a file comes to for one request. There is no `Content-Length` among the fields; the body knows its length.
#[derive(Debug)]
pub(crate) struct FileAnswer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: FileBody,
}

/// The bytes of a file's answer.
#[derive(Debug)]
pub(crate) enum FileBody {
    /// No body. `length` is what `Content-Length` is to say: a HEAD request learns the file's, 304 says nothing.
    Empty {
        /// The value of `Content-Length`, if there is to be one.
        length: Option<u64>,
    },
    /// What is small and there already.
    Bytes(Bytes),
    /// What is large, or has to be waited for, read as it is sent.
    Stream(Box<FileStream>),
}

impl From<FileStream> for FileBody {
    fn from(stream: FileStream) -> Self {
        FileBody::Stream(Box::new(stream))
    }
}

impl FileAnswer {
    fn new(status: StatusCode, headers: HeaderMap, body: FileBody) -> Self {
        FileAnswer { status, headers, body }
    }

    /// An error without a body.
    fn refusal(status: StatusCode) -> Self {
        FileAnswer::new(status, HeaderMap::new(), FileBody::Empty { length: Some(0) })
    }

    /// The value of `Content-Length`, if there is to be one.
    #[cfg(test)]
    pub(crate) fn length(&self) -> Option<u64> {
        match &self.body {
            FileBody::Empty { length } => *length,
            FileBody::Bytes(bytes) => Some(bytes.len() as u64),
            FileBody::Stream(stream) => Some(stream.remaining()),
        }
    }
}

/// The 404 of every file that is not there, or is none of the client's business.
pub(super) fn not_found() -> HttpError {
    HttpError::new(404).explain("Cannot find file for this url.")
}

fn content_range(range: &Range<u64>, length: u64) -> String {
    format!("bytes {}-{}/{length}", range.start, range.end - 1)
}

/// A line that is in no file, for nobody can know it beforehand (RFC 2046 section 5.1.1).
fn random_boundary() -> Result<String, HttpError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!(%error, "the system has no random numbers");
        HttpError::new(500)
    })?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

/// Sets a field to a text of this module's own making, which can always be sent.
fn set(fields: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        fields.insert(name, value);
    }
}

#[cfg(test)]
mod tests;
