//! What is promised about logging. Only one test sets the logger of the process; the others log in their own thread.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tracing::subscriber::with_default;

use super::*;

/// The lines of the only file in a directory.
fn lines(directory: &Path) -> Vec<String> {
    let mut files = fs::read_dir(directory).expect("directory").map(|entry| entry.expect("entry").path());
    let file = files.next().expect("a file");
    assert_eq!(files.next(), None);
    fs::read_to_string(file).expect("text").lines().map(str::to_owned).collect()
}

/// Logs with these settings into a file; answers its lines.
fn logged(builder: Builder, log: impl FnOnce()) -> Vec<String> {
    let directory = tempfile::tempdir().expect("directory");
    let (subscriber, queue) = builder.file(directory.path(), "app").build().expect("logger");
    with_default(subscriber, log);
    queue.flush();
    lines(directory.path())
}

fn refusal(builder: Builder) -> String {
    let error = builder.build().map(drop).expect_err("a mistake");
    assert!(error.is_configuration());
    error.to_string()
}

#[test]
fn a_line_has_time_level_target_and_message() {
    let lines = logged(builder(), || tracing::info!(target: "vernal::accept", port = 9090, "listening"));
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    let (time, rest) = line.split_once(' ').expect("words");
    assert!(time.len() == 27 && time.ends_with('Z'), "{time}");
    assert_eq!(rest, " INFO vernal::accept: listening port=9090");
}

#[test]
fn levels_are_chosen_for_all_and_for_single_targets() {
    let builder = builder()
        .level(tracing::Level::WARN)
        .target_level("vernal::access", "debug")
        .target_level("a", "off");
    let lines = logged(builder, || {
        tracing::info!(target: "vernal", "no");
        tracing::warn!(target: "vernal", "yes");
        tracing::debug!(target: "vernal::access", "yes");
        tracing::trace!(target: "vernal::access", "no");
        tracing::error!(target: "a::b", "no");
    });
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line.ends_with("yes")), "{lines:?}");
}

#[test]
fn the_file_has_no_colours_even_where_the_console_has_them() {
    let lines = logged(builder().ansi(true), || {
        let _entered = tracing::info_span!("request", path = "/index").entered();
        tracing::info!("found");
    });
    assert!(lines[0].contains("request{path=\"/index\"}") && !lines[0].contains('\x1b'), "{lines:?}");
}

#[test]
fn the_file_is_named_after_its_day() {
    let directory = tempfile::tempdir().expect("directory");
    let inner = directory.path().join("made/by/the/logger");
    let (subscriber, _) = builder().file(&inner, "app").keep_days(0).build().expect("logger");
    drop(subscriber);
    let entry = fs::read_dir(inner).expect("directory").next().expect("a file").expect("entry");
    let name = entry.file_name().into_string().expect("text");
    let day =
        name.strip_prefix("app.").and_then(|rest| rest.strip_suffix(".log")).expect("prefix and suffix");
    assert!(day.len() == 10 && day.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit()), "{name}");
}

#[test]
fn old_files_are_deleted() {
    let directory = tempfile::tempdir().expect("directory");
    for day in 1..=9 {
        fs::write(directory.path().join(format!("app.2020-01-0{day}.log")), "old").expect("file");
    }
    fs::write(directory.path().join("other.2020-01-01.log"), "kept").expect("file");
    builder().file(directory.path(), "app").keep_days(7).build().map(drop).expect("logger");
    assert_eq!(fs::read_dir(directory.path()).expect("directory").count(), 7 + 1);
    assert!(directory.path().join("other.2020-01-01.log").exists());
}

#[test]
fn mistakes_are_named() {
    assert_eq!(
        refusal(builder().level("loud")),
        "logger: \"loud\" is not a level, which is one of off, error, warn, info, debug, trace"
    );
    assert_eq!(
        refusal(builder().target_level("a", "7")),
        "logger: \"7\" is not a level, which is one of off, error, warn, info, debug, trace"
    );
    let file = tempfile::NamedTempFile::new().expect("file");
    let text = refusal(builder().file(file.path(), "app"));
    let wanted = format!("logger: no file \"app\" can be opened in {}: ", file.path().display());
    assert!(text.starts_with(&wanted), "{text}");
}

#[test]
fn a_second_logger_is_an_error() {
    let _guard = builder().level("off").init().expect("the first logger of these tests");
    flush();
    let error = builder().init().expect_err("the second one");
    assert_eq!(error.to_string(), "logger: there is one already in this process");
    assert!(init().is_err());
}

/// A console that writes only when the test lets it, and shows what it has written.
struct Stalled {
    permits: Receiver<()>,
    written: SyncSender<Vec<u8>>,
}

impl Write for Stalled {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.permits.recv();
        let _ = self.written.send(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_console_that_stalls_costs_lines_not_time_and_the_loss_is_told() {
    let (permit, permits) = sync_channel(1);
    let (written, output) = sync_channel(1000);
    let queue = Queue::start(Stalled { permits, written }, None::<io::Sink>).expect("thread");
    let console = queue.to(Destination::Console);
    for _ in 0..50_000 {
        (&console).write_all(b"line\n").expect("never an error");
    }
    drop(permit);
    queue.flush();
    drop((queue, console));
    let text = String::from_utf8(output.iter().flatten().collect()).expect("text");
    let lines = text.lines().filter(|line| *line == "line").count();
    let told: usize = text
        .lines()
        .filter_map(|line| {
            line.strip_suffix(" log lines were dropped: they came faster than they could be written")
        })
        .map(|count| count.parse::<usize>().expect("a number"))
        .sum();
    assert!(told > 0);
    assert_eq!(lines + told, 50_000);
}

#[test]
fn a_file_that_cannot_be_written_is_told_on_the_console() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::other("no space left"))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (permit, permits) = sync_channel(1);
    let (written, output) = sync_channel(1000);
    drop(permit);
    let queue = Queue::start(Stalled { permits, written }, Some(Full)).expect("thread");
    (&queue.to(Destination::File)).write_all(b"line\n").expect("never an error");
    queue.flush();
    drop(queue);
    let text = String::from_utf8(output.iter().flatten().collect()).expect("text");
    assert_eq!(text, "the log file cannot be written: no space left\n");
}
