//! What the servers of the benchmark have in common, so that only the framework differs between two of them.
use std::env;
use std::path::PathBuf;
use std::process::exit;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// The answer of `/plaintext` and of every `/route/{n}`: their difference is the cost of the route look-up alone.
pub const HELLO: &str = "Hello, World!";

/// How many exact paths `/route/0`, `/route/1`, … are registered, one by one.
pub const ROUTES: usize = 200;

/// The integer that `/session/new` stores and `/session` answers.
pub const STORED: i64 = 42;

#[derive(Serialize)]
pub struct Message {
    pub message: &'static str,
}

#[derive(Serialize)]
pub struct Greeting {
    pub name: String,
    pub age: u32,
    pub skills: Vec<String>,
}

/// The body of `POST /body`; `bench/order.json` is one of 1 KB.
#[derive(Serialize, Deserialize)]
pub struct Order {
    pub id: u64,
    pub placed_at: String,
    pub customer: Customer,
    pub items: Vec<Item>,
    pub coupon: Option<String>,
    pub express: bool,
    pub total: f64,
    pub note: String,
}

#[derive(Serialize, Deserialize)]
pub struct Customer {
    pub id: u64,
    pub name: String,
    pub email: String,
    pub address: Address,
}

#[derive(Serialize, Deserialize)]
pub struct Address {
    pub street: String,
    pub city: String,
    pub postcode: String,
    pub country: String,
}

#[derive(Serialize, Deserialize)]
pub struct Item {
    pub sku: String,
    pub name: String,
    pub quantity: u32,
    pub price: f64,
    pub tags: Vec<String>,
}

/// What `GET /catalogue` answers: 16 KB of JSON, made from these values for each request.
pub static CATALOGUE: LazyLock<Vec<Item>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../catalogue.json")).expect("the catalogue is sound")
});

/// The level of gzip for the catalogue.
pub const GZIP_LEVEL: u32 = 6;

/// The command line of every server: `--port N --files FOLDER`.
pub struct Arguments {
    pub port: u16,
    /// The folder that is served as `/static/`.
    pub files: PathBuf,
    /// The PEM files of a certificate and its key, if HTTPS is to be spoken.
    pub tls: Option<(PathBuf, PathBuf)>,
}

impl Arguments {
    /// Reads the process's arguments; ends the process with status 2 if they are not as they should be.
    pub fn from_command_line() -> Self {
        match (option("--port").and_then(|port| port.parse().ok()), option("--files")) {
            (Some(port), Some(files)) => {
                let tls = option("--certificate").zip(option("--key"));
                let tls = tls.map(|(certificate, key)| (certificate.into(), key.into()));
                Self { port, files: files.into(), tls }
            }
            _ => {
                eprintln!("usage: --port N --files FOLDER [--certificate FILE --key FILE]");
                exit(2)
            }
        }
    }
}

fn option(name: &str) -> Option<String> {
    env::args().skip_while(|argument| argument != name).nth(1)
}
