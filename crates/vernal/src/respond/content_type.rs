//! What kind of text or file a body is.

use std::path::Path;

use http::HeaderValue;

static HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
static XML: HeaderValue = HeaderValue::from_static("text/xml; charset=utf-8");
pub(crate) static PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The content type of a body: one of those known here, or one that the application has named.
pub(crate) enum ContentType {
    Known(&'static HeaderValue),
    Named(Box<HeaderValue>),
}

impl From<ContentType> for HeaderValue {
    fn from(content_type: ContentType) -> Self {
        match content_type {
            ContentType::Known(value) => value.clone(),
            ContentType::Named(value) => *value,
        }
    }
}

/// The content type of a text that was returned without one, by its first and last characters (`spec/04` section 3).
///
/// The text is expected without white space around it. The reference names the charset `utf8`; the registered name
/// is `utf-8` (`spec/08` A36).
pub(crate) fn sniff(text: &str) -> &'static HeaderValue {
    let bytes = text.as_bytes();
    // Two comparisons settle the common case, plain text, whatever its length.
    if bytes.first() != Some(&b'<') || bytes.last() != Some(&b'>') {
        return &PLAIN;
    }
    let starts_with = |start: &str| {
        bytes.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
    };
    // XML's declaration is lower-case by definition (XML 1.0 section 2.8), HTML's words are not.
    if text.starts_with("<?xml") {
        &XML
    } else if starts_with("<!doctype html") || starts_with("<html") {
        &HTML
    } else {
        &PLAIN
    }
}

/// The content type of a file by its extension, `application/octet-stream` where that says nothing.
///
/// The types of `spec/05` section 6, with `.mp3` put right (the reference says `video/mp3`, the registered type is
/// `audio/mpeg`, RFC 3003), and those that have become common since. No charset is added: the file says it itself.
pub(crate) fn of_path(path: &Path) -> &'static str {
    let extension = path.extension().map_or(&[][..], |extension| extension.as_encoded_bytes());
    let mut lower = [0; LONGEST_EXTENSION];
    let Some(lower) = lower.get_mut(..extension.len()) else { return UNKNOWN };
    lower.copy_from_slice(extension);
    lower.make_ascii_lowercase();
    of_extension(lower)
}

const UNKNOWN: &str = "application/octet-stream";

const LONGEST_EXTENSION: usize = "webmanifest".len();

fn of_extension(extension: &[u8]) -> &'static str {
    match extension {
        b"html" | b"htm" | b"xhtml" => "text/html",
        b"css" => "text/css",
        b"js" | b"mjs" | b"cjs" => "text/javascript",
        b"json" | b"map" => "application/json",
        b"txt" => "text/plain",
        b"xml" => "text/xml",
        b"csv" => "text/csv",
        b"md" => "text/markdown",
        b"ics" => "text/calendar",
        b"vtt" => "text/vtt",

        b"jpg" | b"jpeg" => "image/jpeg",
        b"png" => "image/png",
        b"apng" => "image/apng",
        b"ico" => "image/x-icon",
        b"svg" => "image/svg+xml",
        b"gif" => "image/gif",
        b"avif" | b"avifs" => "image/avif",
        b"webp" => "image/webp",
        b"bmp" => "image/bmp",
        b"tif" | b"tiff" => "image/tiff",

        b"mp4" | b"m4v" => "video/mp4",
        b"webm" => "video/webm",
        b"ogv" => "video/ogg",
        b"mov" => "video/quicktime",
        b"mp3" => "audio/mpeg",
        b"m4a" => "audio/mp4",
        b"ogg" | b"oga" | b"opus" => "audio/ogg",
        b"wav" => "audio/wav",
        b"flac" => "audio/flac",

        b"woff" => "font/woff",
        b"woff2" => "font/woff2",
        b"ttf" => "font/ttf",
        b"otf" => "font/otf",

        b"pdf" => "application/pdf",
        b"wasm" => "application/wasm",
        b"webmanifest" => "application/manifest+json",
        b"rss" => "application/rss+xml",
        b"atom" => "application/atom+xml",
        b"epub" => "application/epub+zip",
        b"rtf" => "application/rtf",
        b"zip" => "application/zip",
        b"gz" => "application/gzip",
        b"tar" => "application/x-tar",
        b"7z" => "application/x-7z-compressed",
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_what_its_first_and_last_characters_say() {
        for (text, expected) in [
            ("<html><body>Hello, World!</body></html>", &HTML),
            ("<HTML lang=\"en\"></HtmL>", &HTML),
            ("<!DOCTYPE html><p>", &HTML),
            ("<!docType HTML>", &HTML),
            ("<?xml version=\"1.0\"?><a/>", &XML),
            ("<?XML version=\"1.0\"?><a/>", &PLAIN),
            ("<?xml version=\"1.0\"?><a/> and more", &PLAIN),
            ("<html> and more", &PLAIN),
            ("<p>a fragment</p>", &PLAIN),
            ("<htm>", &PLAIN),
            ("<html", &PLAIN),
            ("<é\u{130}中文>", &PLAIN),
            ("<>", &PLAIN),
            ("<", &PLAIN),
            ("Hello, World!", &PLAIN),
            ("", &PLAIN),
        ] {
            assert_eq!(sniff(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_file_is_what_its_extension_says_in_any_case() {
        for (name, expected) in [
            ("page.html", "text/html"),
            ("UPPER.TXT", "text/plain"),
            ("app.js", "text/javascript"),
            ("module.MJS", "text/javascript"),
            ("data.json", "application/json"),
            ("a.b.JPeG", "image/jpeg"),
            ("favicon.ico", "image/x-icon"),
            ("song.mp3", "audio/mpeg"),
            ("font.woff2", "font/woff2"),
            ("site.webmanifest", "application/manifest+json"),
            ("archive.tar.gz", "application/gzip"),
            ("dir.html/blob", UNKNOWN),
            ("blob", UNKNOWN),
            ("blob.", UNKNOWN),
            (".html", UNKNOWN),
            ("a.averyveryverylongextension", UNKNOWN),
            ("a.中文", UNKNOWN),
            ("", UNKNOWN),
        ] {
            assert_eq!(of_path(Path::new(name)), expected, "{name:?}");
        }
    }
}
