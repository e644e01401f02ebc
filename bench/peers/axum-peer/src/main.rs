//! axum with the crates its users reach for: axum-extra's `Query`, tower-http's `ServeDir` and `CompressionLayer`,
//! tower-sessions.
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Json, Router};
use axum_extra::extract::Query;
use contract::{Arguments, CATALOGUE, GZIP_LEVEL, Greeting, HELLO, Item, Message, Order, ROUTES, STORED};
use serde::Deserialize;
use tokio::net::TcpListener;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::services::ServeDir;
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let arguments = Arguments::from_command_line();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port)).await?;
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            eprintln!("TCP_NODELAY was refused: {error}");
        }
    });
    // A `Router` given as it is would be copied, with all its routes, for each connection.
    axum::serve(listener, site(arguments.files).into_make_service()).await
}

fn site(files: PathBuf) -> Router {
    let sessions = Router::new()
        .route("/session/new", get(new_session))
        .route("/session", get(stored))
        .layer(SessionManagerLayer::new(MemoryStore::default()));
    let compression = CompressionLayer::new().quality(CompressionLevel::Precise(GZIP_LEVEL as i32));
    let compressed = Router::new().route("/catalogue", get(catalogue)).layer(compression);
    let site = Router::new()
        .route("/plaintext", get(plaintext))
        .route("/json", get(json))
        .route("/hello/{name}", get(hello))
        .route("/body", post(echo))
        .nest_service("/static", ServeDir::new(files))
        .merge(sessions)
        .merge(compressed);
    (0..ROUTES).fold(site, |site, n| site.route(&format!("/route/{n}"), get(plaintext)))
}

async fn plaintext() -> &'static str {
    HELLO
}

async fn json() -> Json<Message> {
    Json(Message { message: HELLO })
}

async fn catalogue() -> Json<&'static [Item]> {
    Json(&CATALOGUE)
}

#[derive(Deserialize)]
struct Details {
    age: u32,
    #[serde(default)]
    skills: Vec<String>,
}

async fn hello(Path(name): Path<String>, Query(Details { age, skills }): Query<Details>) -> Json<Greeting> {
    Json(Greeting { name, age, skills })
}

async fn echo(order: Json<Order>) -> Json<Order> {
    order
}

async fn new_session(session: Session) -> Result<String, StatusCode> {
    session.insert("value", STORED).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(STORED.to_string())
}

async fn stored(session: Session) -> Result<String, StatusCode> {
    match session.get::<i64>("value").await {
        Ok(Some(value)) => Ok(value.to_string()),
        Ok(None) => Err(StatusCode::NOT_FOUND),
        Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}
