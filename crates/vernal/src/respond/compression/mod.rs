//! Responses made smaller (RFC 9110 section 8.4): which, for whom, and how.

mod apply;
mod body;
mod negotiate;
mod precompressed;
mod types;

pub(crate) use apply::{Representation, code, vary};
pub(crate) use precompressed::{Found, find};

use crate::coding::Coding;
use crate::error::StartErrorKind;
use crate::limits::KB;
use crate::{Error, Result};
use types::MediaRange;

/// Which responses are compressed, and how; given to [`Server::compression`](crate::Server::compression) or
/// [`Builder::compression`](crate::Builder::compression). Without it none are.
///
/// | setting | default |
/// |---|---|
/// | [`types`](Compression::types) | [`Compression::TEXT`]: text, JSON, XML, scripts, fonts that are not compressed yet |
/// | [`codings`](Compression::codings) | zstd, br, gzip, deflate, in this order |
/// | [`level`](Compression::level) | zstd 3, br 4, gzip 6, deflate 6 |
/// | [`minimum_size`](Compression::minimum_size) | 1 KB |
///
/// A response is compressed when its media type is one of these and the client accepts one of these codings (RFC 9110
/// section 12.5.3): the one with the highest quality value, and of equals the first in this order. It is left as it is
///
/// - when it is shorter than the minimum, or empty;
/// - when its status is 204, 205, 206 or 304: ranges are ranges of the file itself;
/// - when it has a `Content-Encoding` already (`identity` turns compression off for one response), a digest of its
///   content, or `Cache-Control: no-transform`.
///
/// Every response that could have been compressed for another client says `Vary: Accept-Encoding`. A strong `ETag`
/// becomes weak in a response that is compressed, for the bytes are made anew each time, and `Accept-Ranges` is left
/// out; `If-None-Match` with that weak tag is answered with 304 by [files](crate::StaticFile) as with the strong one.
/// A client that refuses everything, `identity` too, gets the response uncompressed rather than an error. The pages of
/// errors are responses like others, only mostly too short. The answer to HEAD has the fields of the answer to GET, but
/// for a `Content-Length` that nobody has computed.
///
/// Streams and server-sent events are compressed as they come: as soon as there is no further piece, everything so far
/// is sent. Bodies in memory of up to 64 KB (less at levels that are slow) are compressed at once on the event loop;
/// longer ones, and files, in pieces of 128 KB on the blocking pool, as they are sent.
///
/// An answer that has a secret in it beside something that whoever attacks can choose betrays the secret by its length
/// once it is compressed, over TLS too (the attack named BREACH). Leave such answers out with
/// `Content-Encoding: identity`.
///
/// ```
/// use vernal::{App, Coding, Compression};
///
/// let app = App::builder().compression(
///     Compression::new()
///         .types(["text/*", "application/json", "application/*+json"])
///         .codings([Coding::Brotli, Coding::Gzip])
///         .level(Coding::Brotli, 5)
///         .minimum_size(2048),
/// );
/// app.build()?;
/// # Ok::<(), vernal::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Compression {
    types: Vec<String>,
    beginnings: Vec<String>,
    codings: Vec<Coding>,
    levels: Vec<(Coding, u32)>,
    minimum: usize,
    vary: bool,
}

impl Default for Compression {
    fn default() -> Self {
        Compression::new()
    }
}

impl Compression {
    /// Media types whose content is text, or as repetitive as text.
    pub const TEXT: [&'static str; 12] = [
        "text/*",
        "application/json",
        "application/*+json",
        "application/javascript",
        "application/xml",
        "application/*+xml",
        "application/wasm",
        "application/x-ndjson",
        "image/svg+xml",
        "image/bmp",
        "font/ttf",
        "font/otf",
    ];

    /// The settings of the table above.
    pub fn new() -> Self {
        Compression {
            types: Compression::TEXT.map(str::to_owned).into(),
            beginnings: Vec::new(),
            codings: vec![Coding::Zstd, Coding::Brotli, Coding::Gzip, Coding::Deflate],
            levels: Vec::new(),
            minimum: KB,
            vary: true,
        }
    }

    /// What the reference calls `gzip_content_types` and `gzip_compress_level`: these types, with gzip alone at this
    /// level, however short they are (`spec/04` section 8).
    pub fn gzip<T: Into<String>>(types: impl IntoIterator<Item = T>, level: u32) -> Self {
        Compression::new().types(types).codings([Coding::Gzip]).level(Coding::Gzip, level).minimum_size(0)
    }

    /// The media types: `text/html`, `text/*` for all of a kind, `application/*+json` for all with this suffix. Their
    /// parameters, such as the charset, do not matter.
    pub fn types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.types = types.into_iter().map(Into::into).collect();
        self
    }

    /// Beside these, the content types that begin so, with their parameters and in any case: `text/` for all text,
    /// `text/html; charset=utf-8` for that charset alone. The empty text is the beginning of all.
    ///
    /// ```
    /// use vernal::Compression;
    ///
    /// let json_and_text = Compression::new().types(["application/json"]).types_that_begin(["text/"]);
    /// # let _ = json_and_text;
    /// ```
    pub fn types_that_begin<T: Into<String>>(mut self, beginnings: impl IntoIterator<Item = T>) -> Self {
        self.beginnings = beginnings.into_iter().map(Into::into).collect();
        self
    }

    /// The codings, the one that is preferred first.
    pub fn codings(mut self, codings: impl IntoIterator<Item = Coding>) -> Self {
        self.codings = codings.into_iter().collect();
        self
    }

    /// The level of a coding, one of [`Coding::levels`]: the higher, the smaller, and the slower. Those of br above 9
    /// and of zstd above 12 are for files that are compressed beforehand
    /// ([`precompressed`](crate::Builder::precompressed)), not for answers that somebody waits for; and while a large
    /// file is sent, zstd needs 3 MB at level 3, 12 MB and more from level 9 on.
    pub fn level(mut self, coding: Coding, level: u32) -> Self {
        self.levels.retain(|(other, _)| *other != coding);
        self.levels.push((coding, level));
        self
    }

    /// The bytes from which a response of known length is compressed. Shorter ones gain nothing: they fit one packet
    /// either way.
    pub fn minimum_size(mut self, bytes: usize) -> Self {
        self.minimum = bytes;
        self
    }

    /// Whether responses say `Vary: Accept-Encoding`; they do by default. Without it a cache between server and clients may
    /// give a compressed response to a client that cannot read it.
    pub fn vary(mut self, say: bool) -> Self {
        self.vary = say;
        self
    }

    /// Checks the settings, and brings them into the form in which they are looked at.
    ///
    /// # Errors
    ///
    /// For a text that is no media type, a level that a coding does not have, and for no coding at all.
    pub(crate) fn check(&self) -> Result<Rules> {
        let mistake =
            |text: String| Error::start(StartErrorKind::Configuration, format!("compression: {text}"));
        let types: Result<Vec<_>, _> = self.types.iter().map(|text| MediaRange::parse(text)).collect();
        let mut types = types.map_err(mistake)?;
        types.extend(self.beginnings.iter().cloned().map(MediaRange::Beginning));
        if self.codings.is_empty() {
            return Err(mistake("there has to be a coding, or no compression at all".to_owned()));
        }
        for (coding, level) in &self.levels {
            let levels = coding.levels();
            if !levels.contains(level) {
                let (lowest, highest) = levels.into_inner();
                return Err(mistake(format!(
                    "the levels of {coding} are {lowest} to {highest}, not {level}"
                )));
            }
        }
        let level = |coding: Coding| {
            let chosen = self.levels.iter().find(|(other, _)| *other == coding);
            chosen.map_or(coding.default_level(), |(_, level)| *level)
        };
        let codings = self.codings.iter().map(|coding| (*coding, level(*coding))).collect();
        Ok(Rules { types, codings, minimum: self.minimum as u64, vary: self.vary })
    }
}

/// [`Compression`], checked.
#[derive(Clone)]
pub(crate) struct Rules {
    types: Vec<MediaRange>,
    codings: Vec<(Coding, u32)>,
    minimum: u64,
    vary: bool,
}

#[cfg(test)]
mod tests;
