//! Directories whose files are served.

use super::card::{Card, Section, Source, get, request};

const MAIN: Source = Source { path: "src/main.rs", text: include_str!("../main.rs") };

pub(crate) const SECTION: Section = Section {
    id: "files",
    title: "Static files",
    about: "Directories under a pattern, with what HTTP offers for files.",
    cards: &[
        Card {
            id: "resources",
            title: "Four kinds of patterns",
            about: "A directory, everything below it, an ending at the top, an ending anywhere.",
            code: MAIN.show("resources"),
            tries: &[
                get("/static/poem.txt").says("text/plain"),
                get("/static/deep/note.txt").says("all the way down"),
                get("/favicon.ico").says("image/"),
                get("/deep/note.txt").says("all the way down"),
                request("HEAD", "/static/poem.txt").says("accept-ranges: bytes"),
                request("POST", "/static/poem.txt").answers(405).says("GET, HEAD"),
            ],
        },
        Card {
            id: "ranges",
            title: "Ranges, and what the client has already",
            about: "Single ranges, several at once, the end of a file; 304 for a copy that is still good.",
            code: MAIN.show("resources"),
            tries: &[
                get("/static/poem.txt").with(&[("Range", "bytes=0-11")]).answers(206).says("bytes 0-11/"),
                get("/static/poem.txt").with(&[("Range", "bytes=-9")]).answers(206),
                get("/static/poem.txt")
                    .with(&[("Range", "bytes=0-11,300-311")])
                    .answers(206)
                    .says("multipart/byteranges"),
                get("/static/poem.txt").with(&[("Range", "bytes=90000-")]).answers(416).says("bytes */"),
                get("/static/poem.txt")
                    .with(&[("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT")])
                    .answers(304),
                get("/static/poem.txt").with(&[("If-None-Match", "*")]).answers(304).says("etag"),
            ],
        },
        Card {
            id: "closed",
            title: "No way out",
            about: "Nothing outside of the directory can be reached, nor what begins with a dot; a directory has no \
                    listing.",
            code: MAIN.show("resources"),
            tries: &[
                get("/static/..%2fCargo.toml").answers(404),
                get("/static/%2e%2e/%2e%2e/Cargo.toml").answers(404),
                get("/static/.hidden").answers(404),
                get("/static/deep/").answers(404),
            ],
        },
    ],
};
