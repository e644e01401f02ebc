//! What a server writes about itself: one line at the start, a line for each request if asked, to files if asked.

#![cfg(all(feature = "macros", feature = "logger"))]

mod support;

use std::path::Path;

use support::Wire;
use support::program::{self, Program};
use vernal::prelude::*;

#[route("/t")]
async fn plain() -> &'static str {
    "ok"
}

#[route("/fails")]
async fn fails() -> Result<()> {
    Err(std::io::Error::other("the disk is full").into())
}

/// The server in the other process: `directory` gets the files, `access` is the access log.
#[test]
fn the_program() -> Result<()> {
    if !program::is_wanted() {
        return Ok(());
    }
    let argument = program::argument();
    let (directory, access) = argument.split_once('|').expect("two settings");
    let _guard =
        vernal::logger::builder().ansi(false).file(directory, "server").keep_days(3).init().map(Some)?;
    program::serve(Server::new().scan(module_path!()).access_log(access == "access"));
    Ok(())
}

fn ask(program: &Program, target: &str) -> u16 {
    Wire::connect(program.address).ask(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")).status
}

/// Runs the program for these requests; what it has left in today's file.
fn logged(directory: &Path, access: &str, targets: &[&str]) -> String {
    let mut program = Program::start("the_program", &format!("{}|{access}", directory.display()));
    for target in targets {
        ask(&program, target);
    }
    program.signal("-TERM");
    assert!(program.end().0);
    let files = names(directory);
    let today = files.last().expect("a file");
    std::fs::read_to_string(directory.join(today)).expect("text")
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("a directory");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name")).collect();
    names.sort();
    names
}

#[test]
fn a_server_says_once_what_it_serves_and_how_it_ended() {
    let directory = tempfile::tempdir().expect("a directory");
    let text = logged(directory.path(), "", &["/t", "/t", "/none"]);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].contains(" INFO vernal::start::run: serving address=127.0.0.1:"), "{text}");
    assert!(lines[0].contains(" routes=2 workers="), "{text}");
    assert!(lines[1].contains(" INFO vernal::start::run: stopping signal=\"SIGTERM\""), "{text}");
    assert!(lines[2].contains("stopped; every request was answered"), "the last line is not lost: {text}");
}

#[test]
fn the_access_log_has_a_line_for_each_request() {
    let directory = tempfile::tempdir().expect("a directory");
    let text = logged(directory.path(), "access", &["/t?a=b", "/none", "/fails"]);
    let lines: Vec<_> = text.lines().filter(|line| line.contains("vernal::access")).collect();
    assert_eq!(lines.len(), 3, "{text}");
    for (line, (target, status)) in lines.iter().zip([("/t?a=b", 200), ("/none", 404), ("/fails", 500)]) {
        assert!(line.contains(" INFO vernal::access:") && line.contains("peer=\"127.0.0.1:"), "{line}");
        assert!(
            line.contains(&format!("method=GET target={target} version=HTTP/1.1 status={status}")),
            "{line}"
        );
        assert!(line.contains("microseconds="), "{line}");
    }
}

#[test]
fn a_failure_is_logged_with_its_cause_and_the_controller() {
    let directory = tempfile::tempdir().expect("a directory");
    let text = logged(directory.path(), "", &["/fails"]);
    let line = text.lines().find(|line| line.contains("ERROR")).expect("a line");
    for part in ["a request failed", "path=\"/fails\"", "logging::fails", "the disk is full"] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[test]
fn the_file_is_named_after_the_day_and_old_ones_go() {
    let directory = tempfile::tempdir().expect("a directory");
    for day in 1..=9 {
        std::fs::write(directory.path().join(format!("server.2020-01-0{day}.log")), "old").expect("a file");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let text = logged(directory.path(), "access", &["/t"]);
    assert!(text.contains("vernal::access"));
    let names = names(directory.path());
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(names[..2], ["server.2020-01-08.log", "server.2020-01-09.log"]);
    let today = &names[2];
    let digits: String =
        today.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
    assert_eq!(digits, "server.0000-00-00.log");
}
