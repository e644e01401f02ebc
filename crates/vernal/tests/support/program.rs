//! The test binary, started again as a server in a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use vernal::Server;

use super::wait_until;

/// Set for the process that [`Program`] starts.
const PROGRAM: &str = "VERNAL_TEST_PROGRAM";

/// Whether this process is the server, not the one that tests it.
pub fn is_wanted() -> bool {
    std::env::var_os(PROGRAM).is_some()
}

/// What [`Program::start`] was told.
pub fn argument() -> String {
    std::env::var(PROGRAM).unwrap_or_default()
}

/// Serves on a port that the system chooses, and says which.
pub fn serve(server: Server) {
    let server = server.port(0);
    let handle = server.handle();
    std::thread::spawn(move || {
        wait_until("it is ready", || handle.is_ready());
        println!("\nlistening on {}", handle.local_addr().expect("an address"));
    });
    server.start().expect("an end without error");
}

/// A server in another process; ended when dropped.
pub struct Program {
    pub child: Child,
    pub address: SocketAddr,
    lines: BufReader<ChildStdout>,
}

impl Program {
    /// Runs this test of the same binary, which calls [`serve`].
    pub fn start(test: &str, argument: &str) -> Program {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", test, "--nocapture"])
            .env(PROGRAM, argument)
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child process");
        let mut lines = BufReader::new(child.stdout.take().expect("its output"));
        let address = loop {
            let mut line = String::new();
            assert!(lines.read_line(&mut line).expect("text") > 0, "the program ended");
            if let Some((_, address)) = line.split_once("listening on ") {
                break address.trim().parse().expect("an address");
            }
        };
        Program { child, address, lines }
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    /// Waits until it has written this.
    pub fn wait_for(&mut self, words: &str) {
        let mut line = String::new();
        while !line.contains(words) {
            line.clear();
            assert!(self.lines.read_line(&mut line).expect("text") > 0, "the program ended");
        }
    }

    /// Waits for its end; whether it was a good one, and what else it has written.
    pub fn end(&mut self) -> (bool, String) {
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).expect("text");
        (self.child.wait().expect("an end").success(), rest)
    }

    /// Bytes of memory that are resident.
    #[cfg(target_os = "linux")]
    pub fn memory(&self) -> u64 {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).expect("its memory");
        let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("pages");
        pages * 4096
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
