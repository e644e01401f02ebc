//! hyper with a hand-written `match`: the least that an HTTP/1.1 server can cost with this transport.
use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use contract::{Arguments, Greeting, HELLO, Message, Order, ROUTES, STORED};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

type Answer = Response<Full<Bytes>>;

struct Site {
    routes: HashSet<String>,
    files: PathBuf,
    sessions: Mutex<HashMap<String, i64>>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let arguments = Arguments::from_command_line();
    let site = Arc::new(Site {
        routes: (0..ROUTES).map(|n| format!("/route/{n}")).collect(),
        files: arguments.files,
        sessions: Mutex::default(),
    });
    let acceptor = arguments.tls.map(|(certificate, key)| acceptor(&certificate, &key)).transpose()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let site = site.clone();
        match acceptor.clone() {
            None => {
                tokio::spawn(serve(stream, site));
            }
            Some(acceptor) => {
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        let _ = serve(stream, site).await;
                    }
                });
            }
        }
    }
}

fn serve<S>(stream: S, site: Arc<Site>) -> impl Future<Output = hyper::Result<()>> + Send
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    http1::Builder::new().pipeline_flush(true).serve_connection(
        TokioIo::new(stream),
        service_fn(move |request| {
            let site = site.clone();
            async move { Ok::<_, Infallible>(site.answer(request).await) }
        }),
    )
}

/// rustls as its documentation sets it up, with tickets, so that clients can resume without memory here.
fn acceptor(certificate: &Path, key: &Path) -> io::Result<TlsAcceptor> {
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
    let (chain, key) = (chain.map_err(io::Error::other)?, PrivateKeyDer::from_pem_file(key));
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key.map_err(io::Error::other)?)
        .map_err(io::Error::other)?;
    config.ticketer = Ticketer::new().map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

impl Site {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/plaintext") => text(HELLO),
            (&Method::GET, "/json") => json(&Message { message: HELLO }),
            (&Method::POST, "/body") => echo(request.into_body()).await,
            (&Method::GET, "/session/new") => self.new_session(),
            (&Method::GET, "/session") => self.stored(request.headers()),
            (&Method::GET, path) if self.routes.contains(path) => text(HELLO),
            (&Method::GET, path) => {
                if let Some(name) = path.strip_prefix("/hello/") {
                    hello(name, request.uri().query().unwrap_or_default())
                } else if let Some(name) = path.strip_prefix("/static/") {
                    self.file(name).await
                } else {
                    empty(StatusCode::NOT_FOUND)
                }
            }
            _ => empty(StatusCode::METHOD_NOT_ALLOWED),
        }
    }

    fn new_session(&self) -> Answer {
        let Ok(id) = getrandom::u64() else {
            return empty(StatusCode::INTERNAL_SERVER_ERROR);
        };
        let id = format!("{id:016x}");
        let mut answer = text(STORED.to_string());
        if let Ok(cookie) = HeaderValue::try_from(format!("id={id}; HttpOnly; Path=/")) {
            answer.headers_mut().insert(SET_COOKIE, cookie);
        }
        if let Ok(mut sessions) = self.sessions.lock() {
            sessions.insert(id, STORED);
        }
        answer
    }

    fn stored(&self, headers: &HeaderMap) -> Answer {
        let cookies = headers.get(COOKIE).and_then(|cookies| cookies.to_str().ok()).unwrap_or_default();
        let id = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("id="));
        let sessions = self.sessions.lock().ok();
        match id.zip(sessions).and_then(|(id, sessions)| sessions.get(id).copied()) {
            Some(value) => text(value.to_string()),
            None => empty(StatusCode::NOT_FOUND),
        }
    }

    async fn file(&self, name: &str) -> Answer {
        if name.contains("..") {
            return empty(StatusCode::NOT_FOUND);
        }
        match tokio::fs::read(self.files.join(name)).await {
            Ok(content) => body("application/octet-stream", content),
            Err(_) => empty(StatusCode::NOT_FOUND),
        }
    }
}

fn hello(name: &str, query: &str) -> Answer {
    let mut age = None;
    let mut skills = Vec::new();
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*key {
            "age" => age = value.parse().ok(),
            "skills" => skills.push(value.into_owned()),
            _ => {}
        }
    }
    match (percent_decode_str(name).decode_utf8(), age) {
        (Ok(name), Some(age)) => json(&Greeting { name: name.into_owned(), age, skills }),
        _ => empty(StatusCode::BAD_REQUEST),
    }
}

async fn echo(content: Incoming) -> Answer {
    let Ok(content) = content.collect().await else {
        return empty(StatusCode::BAD_REQUEST);
    };
    match serde_json::from_slice::<Order>(&content.to_bytes()) {
        Ok(order) => json(&order),
        Err(_) => empty(StatusCode::BAD_REQUEST),
    }
}

fn text(content: impl Into<Bytes>) -> Answer {
    body("text/plain; charset=utf-8", content)
}

fn json(value: &impl Serialize) -> Answer {
    match serde_json::to_vec(value) {
        Ok(content) => body("application/json", content),
        Err(_) => empty(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn body(content_type: &'static str, content: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(content.into()));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

fn empty(status: StatusCode) -> Answer {
    let mut answer = Answer::default();
    *answer.status_mut() = status;
    answer
}
