//! actix-web with the crates its users reach for: actix-files, actix-session, serde_qs for repeated parameters.
mod sessions;

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use actix_files::Files;
use actix_session::{Session, SessionMiddleware};
use actix_web::cookie::Key;
use actix_web::error::ErrorNotFound;
use actix_web::web::{self, Json, Path, ServiceConfig};
use actix_web::{App, HttpServer, Result, get, post};
use contract::{Arguments, Greeting, HELLO, Message, Order, ROUTES, STORED};
use serde::Deserialize;
use serde_qs::actix::QsQuery;

use sessions::MemorySessions;

#[actix_web::main]
async fn main() -> io::Result<()> {
    let arguments = Arguments::from_command_line();
    let sessions = MemorySessions::default();
    let key = Key::generate();
    HttpServer::new(move || {
        let sessions = SessionMiddleware::builder(sessions.clone(), key.clone());
        App::new()
            .service(plaintext)
            .service(json)
            .service(hello)
            .service(echo)
            .service(web::scope("/session").wrap(sessions.build()).service(new_session).service(stored))
            .service(Files::new("/static", &arguments.files))
            .configure(routes)
    })
    .workers(1)
    .tcp_nodelay(true)
    // The idle connections of `memory.py` have to outlive the five seconds that are the default.
    .keep_alive(Duration::from_secs(300))
    .bind((Ipv4Addr::LOCALHOST, arguments.port))?
    .run()
    .await
}

fn routes(site: &mut ServiceConfig) {
    for n in 0..ROUTES {
        site.route(&format!("/route/{n}"), web::get().to(async || HELLO));
    }
}

#[get("/plaintext")]
async fn plaintext() -> &'static str {
    HELLO
}

#[get("/json")]
async fn json() -> Json<Message> {
    Json(Message { message: HELLO })
}

#[derive(Deserialize)]
struct Details {
    age: u32,
    #[serde(default)]
    skills: Vec<String>,
}

#[get("/hello/{name}")]
async fn hello(name: Path<String>, details: QsQuery<Details>) -> Json<Greeting> {
    let Details { age, skills } = details.into_inner();
    Json(Greeting { name: name.into_inner(), age, skills })
}

#[post("/body")]
async fn echo(order: Json<Order>) -> Json<Order> {
    order
}

#[get("/new")]
async fn new_session(session: Session) -> Result<String> {
    session.insert("value", STORED)?;
    Ok(STORED.to_string())
}

#[get("")]
async fn stored(session: Session) -> Result<String> {
    let value: i64 = session.get("value")?.ok_or_else(|| ErrorNotFound("no session"))?;
    Ok(value.to_string())
}
