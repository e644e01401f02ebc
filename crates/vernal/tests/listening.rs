//! Where a server listens: Unix-domain sockets, sockets that are bound already, sockets of the service manager.

#![cfg(all(unix, feature = "macros"))]

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

use support::{PATIENCE, Wire, own_address, wait_until};
use vernal::Handle;
use vernal::prelude::*;

#[route("/t")]
async fn plain(request: &Request) -> String {
    format!("{:?}", request.peer_addr().map(|_| "a port"))
}

fn server() -> Server {
    Server::new().scan(module_path!()).handle_signals(false)
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

/// A server that may have no port.
struct Started {
    handle: Handle,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Started {
    fn start(server: Server) -> Started {
        let handle = server.handle();
        let thread = std::thread::spawn(move || server.start());
        wait_until("the server is ready", || handle.is_ready() || thread.is_finished());
        Started { handle, thread: Some(thread) }
    }

    fn stop(mut self) -> Result<()> {
        self.handle.stop();
        self.thread.take().expect("it ends once").join().expect("start does not panic")
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.handle.stop();
    }
}

/// One request on a connection of its own, and all of the answer.
fn ask(mut stream: UnixStream) -> String {
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.write_all(b"GET /t HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("it is read");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn ask_at(path: &Path) -> String {
    ask(UnixStream::connect(path).expect("a connection"))
}

#[test]
fn a_unix_socket_is_served_and_its_file_removed_at_the_end() {
    let directory = directory();
    let path = directory.path().join("app.sock");
    let started = Started::start(server().unix_socket(&path).unix_socket_mode(0o600));
    let answer = ask_at(&path);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("None"), "{answer}");
    assert_eq!(started.handle.local_addr(), None, "no port is opened");
    assert_eq!(started.handle.listening_on(), [format!("unix:{}", path.display())]);
    let metadata = std::fs::metadata(&path).expect("a file");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    started.stop().expect("an end without error");
    assert!(!path.exists());
}

#[test]
fn curl_speaks_to_a_unix_socket() {
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
        return; // the test above has said the same without it
    }
    let directory = directory();
    let path = directory.path().join("app.sock");
    let _started = Started::start(server().unix_socket(&path));
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--fail", "--unix-socket"])
        .arg(&path)
        .arg("http://app/t")
        .output()
        .expect("curl");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "None", "{output:?}");
}

#[test]
fn a_port_and_several_unix_sockets_are_served_together() {
    let directory = directory();
    let paths: [PathBuf; 2] = ["one.sock", "two.sock"].map(|name| directory.path().join(name));
    let started =
        Started::start(server().host(own_address()).port(0).unix_socket(&paths[0]).unix_socket(&paths[1]));
    let address = started.handle.local_addr().expect("an address");
    assert_eq!(started.handle.listening_on().len(), 3);
    for path in &paths {
        assert!(ask_at(path).ends_with("None"));
    }
    let answer = Wire::connect(address).ask("GET /t HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(answer.text(), "Some(\"a port\")");
    started.stop().expect("an end without error");
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_without_a_file() {
    use std::os::linux::net::SocketAddrExt;
    let name = format!("vernal-{}", std::process::id());
    let started = Started::start(server().unix_socket(format!("@{name}")));
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).expect("a name");
    assert!(ask(UnixStream::connect_addr(&address).expect("a connection")).ends_with("None"));
    assert_eq!(started.handle.listening_on(), [format!("unix:@{name}")]);
    let error = server().unix_socket(format!("@{name}")).start().expect_err("the name is taken");
    assert_eq!(error.to_string(), format!("cannot listen on unix:@{name}: another program listens on it"));
}

#[test]
fn a_stale_socket_is_replaced_and_one_in_use_is_not() {
    let directory = directory();
    let path = directory.path().join("app.sock");
    drop(UnixListener::bind(&path).expect("a socket"));
    assert!(std::fs::metadata(&path).expect("it is left behind").file_type().is_socket());
    let started = Started::start(server().unix_socket(&path));
    assert!(ask_at(&path).ends_with("None"));

    let error = server().unix_socket(&path).start().expect_err("it is in use");
    assert!(error.is_bind());
    assert_eq!(
        error.to_string(),
        format!("cannot listen on unix:{}: another program listens on it", path.display())
    );
    assert!(ask_at(&path).ends_with("None"), "the other one goes on");
    started.stop().expect("an end without error");
}

#[test]
fn what_is_no_socket_is_left_alone() {
    let directory = directory();
    let path = directory.path().join("notes.txt");
    std::fs::write(&path, "dear diary").expect("a file");
    let error = server().unix_socket(&path).start().expect_err("it is no socket");
    assert_eq!(
        error.to_string(),
        format!("cannot listen on unix:{}: the path is taken by something that is no socket", path.display())
    );
    assert_eq!(std::fs::read_to_string(&path).expect("it is there"), "dear diary");
    let error =
        server().unix_socket(directory.path().join("none/app.sock")).start().expect_err("no directory");
    assert!(error.is_bind(), "{error}");
}

#[test]
fn the_socket_of_a_successor_is_not_removed() {
    let directory = directory();
    let path = directory.path().join("app.sock");
    let started = Started::start(server().unix_socket(&path));
    std::fs::remove_file(&path).expect("a file");
    let successor = UnixListener::bind(&path).expect("a socket");
    started.stop().expect("an end without error");
    assert!(UnixStream::connect(&path).is_ok());
    drop(successor);
}

#[test]
fn sockets_that_are_bound_already_are_served() {
    let directory = directory();
    let path = directory.path().join("app.sock");
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = tcp.local_addr().expect("an address");
    let unix = UnixListener::bind(&path).expect("a socket");
    let started = Started::start(server().listener(tcp).unix_listener(unix));
    assert_eq!(started.handle.local_addr(), Some(address));
    assert_eq!(Wire::connect(address).ask("GET /t HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
    assert!(ask_at(&path).ends_with("None"));
    started.stop().expect("an end without error");
    assert!(path.exists(), "whoever made the file removes it");
}

#[test]
fn without_a_service_manager_activation_is_an_error_at_start() {
    if std::env::var_os("VERNAL_ACTIVATED").is_some() {
        return; // a child of the tests below
    }
    let error = server().activated().start().expect_err("nothing was passed");
    assert!(error.is_bind());
    assert_eq!(error.to_string(), "the service manager has passed no socket: LISTEN_FDS is not set");
}

/// The server in a process of its own, which was given sockets: what the tests below start.
#[test]
fn the_activated_program() {
    let Ok(wanted) = std::env::var("VERNAL_ACTIVATED") else { return };
    let server = match wanted.as_str() {
        "" => Server::new().activated(),
        name => Server::new().activated_as(name),
    };
    let handle = server.handle();
    std::thread::spawn(move || {
        wait_until("it is ready", || handle.is_ready());
        println!("\nlistening on {}", handle.listening_on().join(" "));
    });
    match server.scan(module_path!()).start() {
        Ok(()) => println!("\nended well"),
        Err(error) => println!("\nrefused: {error}"),
    }
}

/// Runs the program above through Python, which leaves the descriptors of these sockets open from number 3.
fn activated(sockets: &str, environment: &str, wanted: &str) -> std::process::Child {
    let script = format!(
        "import os, socket, sys\n\
         sockets = [{sockets}]\n\
         for number, one in enumerate(sockets):\n    os.dup2(one.fileno(), 100 + number)\n\
         for number, one in enumerate(sockets):\n    os.dup2(100 + number, 3 + number)\n\
         for number in range(3 + len(sockets), 99):\n    \
             try:\n        os.close(number)\n    except OSError:\n        pass\n\
         os.environ['LISTEN_FDS'] = str(len(sockets))\n\
         os.environ['LISTEN_PID'] = str(os.getpid())\n\
         {environment}\n\
         os.execv(sys.argv[1], sys.argv[1:])\n"
    );
    Command::new("python3")
        .args(["-c", &script])
        .arg(std::env::current_exe().expect("this program"))
        .args(["--exact", "the_activated_program", "--nocapture"])
        .env("VERNAL_ACTIVATED", wanted)
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3")
}

/// What the program says after one of these words.
fn line_after(child: &mut std::process::Child, words: &str) -> String {
    let output = child.stdout.as_mut().expect("its output");
    let mut text = String::new();
    let mut byte = [0];
    while output.read(&mut byte).expect("its output") > 0 {
        if byte[0] != b'\n' {
            text.push(byte[0].into());
            continue;
        }
        if let Some(rest) = text.strip_prefix(words) {
            return rest.to_owned();
        }
        text.clear();
    }
    panic!("the program ended without saying {words:?}");
}

fn end(mut child: std::process::Child) {
    let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill");
    assert!(sent.success());
    line_after(&mut child, "ended well");
    assert!(child.wait().expect("an end").success());
}

#[test]
fn the_sockets_of_a_service_manager_are_served() {
    let directory = directory();
    let path = directory.path().join("app.sock");
    let sockets = format!(
        "socket.create_server(('127.0.0.1', 0)), \
         (lambda s: (s.bind('{}'), s.listen(), s)[-1])(socket.socket(socket.AF_UNIX))",
        path.display()
    );
    let mut child = activated(&sockets, "", "");
    let listening = line_after(&mut child, "listening on ");
    let (address, unix) = listening.split_once(' ').expect("two places");
    assert_eq!(unix, format!("unix:{}", path.display()));
    let address = address.parse().expect("an address");
    assert_eq!(Wire::connect(address).ask("GET /t HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
    assert!(ask_at(&path).ends_with("None"));
    end(child);
}

#[test]
fn a_server_may_take_the_sockets_of_one_name() {
    let names = "os.environ['LISTEN_FDNAMES'] = 'admin:web'";
    let sockets = "socket.create_server(('127.0.0.1', 0)), socket.create_server(('127.0.0.1', 0))";
    let mut child = activated(sockets, names, "web");
    let listening = line_after(&mut child, "listening on ");
    assert_eq!(listening.split(' ').count(), 1, "{listening}");
    let address = listening.parse().expect("an address");
    assert_eq!(Wire::connect(address).ask("GET /t HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
    end(child);

    let mut child = activated(sockets, names, "other");
    assert_eq!(
        line_after(&mut child, "refused: "),
        "the service manager has passed no socket: none of those that were passed has the name \"other\", or it is taken"
    );
    child.wait().expect("an end");
}

#[test]
fn sockets_that_are_meant_for_another_process_are_not_taken() {
    let sockets = "socket.create_server(('127.0.0.1', 0))";
    let mut child = activated(sockets, "os.environ['LISTEN_PID'] = '1'", "");
    let refused = line_after(&mut child, "refused: ");
    assert!(
        refused.starts_with(
            "the service manager has passed no socket: LISTEN_PID names process 1, and this is "
        ),
        "{refused}"
    );
    child.wait().expect("an end");

    let mut child = activated("open('/dev/null')", "", "");
    let refused = line_after(&mut child, "refused: ");
    assert!(refused.contains("a descriptor is no stream socket: fd 3 is not a socket"), "{refused}");
    child.wait().expect("an end");

    let bound = "(lambda s: (s.bind(('127.0.0.1', 0)), s)[-1])(socket.socket())";
    let mut child = activated(bound, "", "");
    assert_eq!(
        line_after(&mut child, "refused: "),
        "cannot listen on the socket that was passed: it is bound, but it does not listen"
    );
    child.wait().expect("an end");
}
