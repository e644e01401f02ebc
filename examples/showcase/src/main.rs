//! A notice board, and a tour on which each feature of vernal can be tried.

mod account;
mod board;
mod chat;
mod command_line;
mod error_pages;
mod notices;
mod pages;
mod protect;
mod second;
#[cfg(test)]
mod tests;
mod tour;
mod upload;

use std::sync::Arc;
use std::time::Duration;

use vernal::prelude::*;
use vernal::session::MemorySessions;
use vernal::{Compression, SameSite, SessionSettings, Tls, logger};

use crate::board::Board;
use crate::command_line::{Arguments, USAGE};
use crate::second::SecondAddress;
use crate::tour::sessions::{CountedSessions, Counts};

fn main() -> std::process::ExitCode {
    let outcome = match Arguments::parse(std::env::args().skip(1)) {
        Ok(Some(arguments)) => run(&arguments).map_err(|error| error.to_string()),
        Ok(None) => {
            println!("{USAGE}");
            Ok(())
        }
        Err(problem) => Err(format!("{problem}\n\n{USAGE}")),
    };
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    // show: logging
    let mut logger = logger::builder().level("info");
    if let Some(directory) = &arguments.log {
        logger = logger.file(directory, "showcase").keep_days(7);
    }
    let _last_lines = logger.init()?;
    // end

    let temporary = tempfile::Builder::new().prefix("vernal-showcase-").tempdir()?;
    let board = match &arguments.data {
        Some(directory) => {
            tracing::info!(directory = %directory.display(), "notices and pictures are kept");
            Board::in_directory(directory)?
        }
        None => {
            let pictures = temporary.path().display();
            tracing::info!(%pictures, "notices live until the end; --data DIR keeps them");
            Board::in_memory(temporary.path())?
        }
    };

    let second = second::start()?;
    // show: start
    let server = declare(Server::new(), board, SecondAddress(second.handle.clone()))
        .host(&arguments.host)
        .port(arguments.port)
        .prefer_coroutine(arguments.prefer_coroutine)
        .access_log(arguments.access_log)
        .idle_timeout(Duration::from_secs(60))
        .drain_deadline(Duration::from_secs(2));
    // end
    // show: tls
    let server = match arguments.tls {
        true => server.tls(Tls::development(["localhost", "127.0.0.1", "::1"])),
        false => server,
    };
    // end
    // show: start
    let handle = server.handle();
    server.manage(handle).start()?;
    // end
    second.stop()
}

/// What the server serves, wherever it listens.
fn declare(server: Server, board: Board, second: SecondAddress) -> Server {
    let counts = Arc::new(Counts::default());
    let sessions = CountedSessions(MemorySessions::new(10_000), Arc::clone(&counts));
    let settings = SessionSettings::new().cookie_name("SHOWCASE").same_site(SameSite::Lax);
    // show: resources
    let files = concat!(env!("CARGO_MANIFEST_DIR"), "/static");
    let server = server
        .resource("/static/**", files)
        .resource("/pictures/*", board.pictures())
        .resource("*.ico", files)
        .resource("**.txt", files);
    // end
    // show: compression
    // Pages are left alone: there are tokens in them, of which the length of a compressed page would tell.
    let files = ["text/css", "text/javascript", "text/plain", "image/svg+xml"];
    let server = server.compression(Compression::new().types(files));
    // end
    server
        .scan("showcase")
        .declare(tour::routes::by_hand)
        .session(settings)
        .session_store(sessions)
        .limits(Limits::default().upload(upload::UPLOAD_LIMIT).spool_bytes(128 * KB))
        .manage(counts)
        .manage(board)
        .manage(tour::Visits::default())
        .manage(second)
}
