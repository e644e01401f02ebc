//! What happens between the socket and the controller.

use vernal::prelude::*;

use super::card::{Card, Section, Source, get, request};

const SOURCE: Source = Source { path: "src/tour/wire.rs", text: include_str!("wire.rs") };
const MAIN: Source = Source { path: "src/main.rs", text: include_str!("../main.rs") };
const CHAT: Source = Source { path: "src/chat.rs", text: include_str!("../chat.rs") };
const UPLOAD: Source = Source { path: "src/upload.rs", text: include_str!("../upload.rs") };

pub(crate) const SECTION: Section = Section {
    id: "wire",
    title: "The wire",
    about: "HTTP/1.1 and HTTP/2, TLS, WebSocket, compression, bodies of any size.",
    cards: &[
        Card {
            id: "tls",
            title: "HTTPS",
            about: "<code>cargo run -- --tls</code> makes a certificate for development and speaks HTTPS, and HTTP/2 \
                    with every browser. Files with a certificate and its key are as easy, and are read again when \
                    they change.",
            code: MAIN.show("tls"),
            tries: &[get("/tour/connection").says("\"tls\":")],
        },
        Card {
            id: "connection",
            title: "How a request came",
            about: "A controller can ask for the version of HTTP, the scheme, and what TLS has settled.",
            code: SOURCE.show("connection"),
            tries: &[get("/tour/connection").says("\"scheme\":")],
        },
        Card {
            id: "chat",
            title: "WebSocket",
            about: "A handler's methods are bound like controllers, and rooms reach everyone who is in them. The \
                    <a href=\"/chat\">chat</a> runs on these lines; open it in two windows.",
            code: CHAT.show("chat"),
            tries: &[
                get("/chat/garden").says("talk over WebSocket"),
                get("/chat/cellar").answers(404),
                get("/chat/garden/live").answers(404),
            ],
        },
        Card {
            id: "compression",
            title: "Compression",
            about: "gzip, deflate, br and zstd, as the client likes it best; also for bodies that clients send. Pages \
                    with a secret in them are better left alone, so here only files are compressed.",
            code: MAIN.show("compression"),
            tries: &[
                get("/static/style.css").with(&[("Accept-Encoding", "br")]).says("vary: Accept-Encoding"),
                get("/favicon.ico"),
            ],
        },
        Card {
            id: "pieces",
            title: "A body piece by piece",
            about: "Nothing is kept in memory but the piece at hand. The <a href=\"/upload\">upload page</a> shows how \
                    far it is.",
            code: UPLOAD.show("upload"),
            tries: &[get("/upload").says("counts it piece by piece"), request("PUT", "/upload").answers(403)],
        },
    ],
};

// show: connection
#[route("/tour/connection")]
async fn connection(request: &Request) -> Value {
    json!({
        "version": format!("{:?}", request.version()),
        "scheme": request.scheme(),
        "tls": request.tls().map(|tls| tls.version()),
    })
}
// end
