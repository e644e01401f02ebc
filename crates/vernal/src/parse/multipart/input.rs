//! The body as a sequence of parts: boundaries found, header fields and content handed out.

use std::future::poll_fn;
use std::pin::Pin;

use bytes::{Buf, Bytes, BytesMut};
use futures_core::Stream;
use memchr::{memchr, memmem, memrchr};

use crate::HttpError;

/// Bytes of all header fields of one part.
const HEAD_BYTES: usize = 8 * 1024;
/// Number of header fields of one part.
const HEAD_FIELDS: usize = 32;
/// White space between a boundary and the end of its line: RFC 2046 allows any, nobody sends it.
const PADDING_BYTES: usize = 64;

/// A body being read.
///
/// What a boundary line begins with, `CR LF -- boundary`, is called the delimiter. The line break before it is part of
/// it, so content is looked through from the line break that comes before the content; a boundary right there ends an
/// empty part, or an empty preamble.
pub(super) struct Input<S> {
    body: S,
    buffer: BytesMut,
    delimiter: memmem::Finder<'static>,
    /// Whether the buffer begins with the line break before the content.
    at_start: bool,
    /// Whether the final boundary was read.
    at_end: bool,
    received: usize,
    limit: usize,
}

/// What a delimiter in the buffer turns out to be.
enum Line {
    /// A boundary, with the length of the whole line, before another part.
    Boundary(usize),
    /// The final boundary.
    Final,
    /// A line of content that only begins like a boundary.
    Content,
    /// More has to be read to tell.
    Incomplete,
}

impl<S> Input<S>
where
    S: Stream<Item = Result<Bytes, HttpError>> + Unpin,
{
    /// A body of at most `limit` bytes.
    pub(super) fn new(body: S, boundary: &str, limit: usize) -> Self {
        let delimiter = format!("\r\n--{boundary}");
        Input {
            body,
            buffer: BytesMut::from("\r\n"),
            delimiter: memmem::Finder::new(delimiter.as_bytes()).into_owned(),
            at_start: true,
            at_end: false,
            received: 0,
            limit,
        }
    }

    /// Reads up to and including the first boundary.
    pub(super) async fn skip_preamble(&mut self) -> Result<(), HttpError> {
        while self.content().await?.is_some() {}
        Ok(())
    }

    /// Reads the header fields of the next part, a line each; `None` after the final boundary.
    ///
    /// The content before must have been read to its end.
    pub(super) async fn next_part(&mut self) -> Result<Option<Vec<Bytes>>, HttpError> {
        if self.at_end {
            return Ok(None);
        }
        let mut fields = Vec::new();
        let mut room = HEAD_BYTES;
        loop {
            let end = self.line_end(room).await?;
            if end == 0 {
                self.at_start = true;
                return Ok(Some(fields));
            }
            if fields.len() == HEAD_FIELDS {
                return Err(HttpError::bad_request(format!(
                    "A part may have at most {HEAD_FIELDS} header fields."
                )));
            }
            room -= end;
            fields.push(self.buffer.split_to(end).freeze());
            self.buffer.advance(2);
        }
    }

    /// The next piece of content; `None` once the boundary behind it was read.
    pub(super) async fn content(&mut self) -> Result<Option<Bytes>, HttpError> {
        loop {
            match self.delimiter.find(&self.buffer) {
                Some(0) => match self.line()? {
                    Line::Boundary(length) => {
                        self.buffer.advance(length);
                        return Ok(None);
                    }
                    Line::Final => {
                        self.at_end = true;
                        return Ok(None);
                    }
                    Line::Content => return Ok(Some(self.take_content(self.delimiter.needle().len()))),
                    Line::Incomplete => self.fill().await?,
                },
                Some(at) => return Ok(Some(self.take_content(at))),
                None => {
                    let certain = self.buffer.len() - self.possible_delimiter();
                    if certain > 0 {
                        return Ok(Some(self.take_content(certain)));
                    }
                    self.fill().await?;
                }
            }
        }
    }

    /// Reads what follows the final boundary, which means nothing.
    pub(super) async fn skip_epilogue(&mut self) -> Result<(), HttpError> {
        loop {
            self.buffer.clear();
            if !self.receive().await? {
                return Ok(());
            }
        }
    }

    /// Takes `length` bytes of content from the buffer, without the line break before the first of them.
    ///
    /// That line break begins the delimiter, so `length` includes it whole or the buffer does not begin with it.
    fn take_content(&mut self, length: usize) -> Bytes {
        let mut piece = self.buffer.split_to(length);
        if std::mem::take(&mut self.at_start) {
            piece.advance(2.min(length));
        }
        piece.freeze()
    }

    /// Judges the line that begins with the delimiter at the start of the buffer.
    fn line(&self) -> Result<Line, HttpError> {
        let length = self.delimiter.needle().len();
        let rest = &self.buffer[length..];
        let padding = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        Ok(match &rest[padding..] {
            _ if padding > PADDING_BYTES => Line::Content,
            [b'-', b'-', ..] if padding == 0 => Line::Final,
            [b'\r', b'\n', ..] => Line::Boundary(length + padding + 2),
            [b'\n', ..] => return Err(bare_line_feed()),
            [] | [b'\r'] => Line::Incomplete,
            [b'-'] if padding == 0 => Line::Incomplete,
            _ => Line::Content,
        })
    }

    /// How many bytes at the end of the buffer may be the beginning of a delimiter.
    ///
    /// It has a CR only at its start, so only the last CR can be that start: one look, however long the buffer is.
    fn possible_delimiter(&self) -> usize {
        let tail = &self.buffer[self.buffer.len().saturating_sub(self.delimiter.needle().len() - 1)..];
        match memrchr(b'\r', tail) {
            Some(at) if self.delimiter.needle().starts_with(&tail[at..]) => tail.len() - at,
            _ => 0,
        }
    }

    /// Where the first line of the buffer ends, within `room` bytes.
    async fn line_end(&mut self, room: usize) -> Result<usize, HttpError> {
        let mut searched = 0;
        loop {
            let line_feed = memchr(b'\n', &self.buffer[searched..]).map(|at| searched + at);
            searched = self.buffer.len();
            if line_feed.unwrap_or(searched) > room + 1 {
                return Err(HttpError::bad_request(format!(
                    "The header of a part may have at most {HEAD_BYTES} bytes."
                )));
            }
            match line_feed {
                Some(at) if self.buffer[..at].ends_with(b"\r") => return Ok(at - 1),
                Some(_) => return Err(bare_line_feed()),
                None => self.fill().await?,
            }
        }
    }

    /// Reads more into the buffer; an error at the end of the body, for the final boundary has yet to come.
    async fn fill(&mut self) -> Result<(), HttpError> {
        if self.receive().await? {
            Ok(())
        } else {
            Err(HttpError::bad_request("The form ends before its final boundary."))
        }
    }

    /// Reads the next chunk into the buffer; `false` at the end of the body.
    async fn receive(&mut self) -> Result<bool, HttpError> {
        let Some(chunk) = poll_fn(|context| Pin::new(&mut self.body).poll_next(context)).await else {
            return Ok(false);
        };
        let chunk = chunk?;
        self.received = self.received.saturating_add(chunk.len());
        if self.received > self.limit {
            return Err(HttpError::new(413).explain(format!("A form may have at most {} bytes.", self.limit)));
        }
        self.buffer.extend_from_slice(&chunk);
        Ok(true)
    }
}

fn bare_line_feed() -> HttpError {
    HttpError::bad_request("The lines of a form should end with CR LF, not with LF alone.")
}
