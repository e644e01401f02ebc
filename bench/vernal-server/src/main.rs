//! vernal as its users write it: attributes on functions, values bound by name.
mod routes;

use contract::{Arguments, CATALOGUE, GZIP_LEVEL, Greeting, HELLO, Item, Message, Order, STORED};
use vernal::prelude::*;
use vernal::{Coding, Compression, Tls};

fn main() -> vernal::Result<()> {
    let arguments = Arguments::from_command_line();
    let compression = Compression::new()
        .types(["application/json"])
        .codings([Coding::Gzip])
        .level(Coding::Gzip, GZIP_LEVEL)
        .minimum_size(8 * KB);
    let server = match arguments.tls {
        Some((certificate, key)) => Server::new().tls(Tls::from_files(certificate, key)),
        None => Server::new(),
    };
    server
        .port(arguments.port)
        .workers(1)
        .resource("/static/*", arguments.files)
        .compression(compression)
        .start()
}

#[route("/plaintext", method = "GET")]
async fn plaintext() -> &'static str {
    HELLO
}

#[route("/json", method = "GET")]
async fn message() -> Json<Message> {
    Json(Message { message: HELLO })
}

#[route("/catalogue", method = "GET")]
async fn catalogue() -> Json<&'static [Item]> {
    Json(&CATALOGUE)
}

#[route("/hello/{name}", method = "GET")]
async fn hello(name: String, age: u32, skills: Vec<String>) -> Json<Greeting> {
    Json(Greeting { name, age, skills })
}

#[route("/body", method = "POST")]
async fn echo(order: Json<Order>) -> Json<Order> {
    order
}

#[route("/session/new", method = "GET")]
async fn new_session(session: Session) -> Result<String> {
    session.set("value", STORED)?;
    Ok(STORED.to_string())
}

#[route("/session", method = "GET")]
async fn stored(session: Session) -> Option<String> {
    session.get::<i64>("value").map(|value| value.to_string())
}
