//! Certificates that change while the server runs.

#![cfg(all(feature = "macros", feature = "tls", unix))]

mod support;

use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use support::tls::{Authority, Issued, get, shake};
use support::{Running, log, wait_until};
use vernal::prelude::*;
use vernal::rustls::ClientConfig;
use vernal::{Limits, Tls};

/// How often the servers here look at their files.
const OFTEN: Duration = Duration::from_millis(50);

#[route("/t")]
async fn plain() -> &'static str {
    "ok"
}

fn serve(tls: Tls) -> Running {
    log::gather();
    Running::start(Server::new().scan(module_path!()).workers(1).limits(Limits::default()).tls(tls))
}

/// Whether a client that trusts this authority alone gets an answer.
fn is_trusted(running: &Running, client: &Arc<ClientConfig>) -> bool {
    get(running.address, "localhost", client, "/t").is_ok_and(|answer| answer == "ok")
}

/// Two authorities, so that a client can tell the certificates apart, and the first one's files.
struct Renewal {
    old: Authority,
    new: Authority,
    first: Issued,
    second: Issued,
}

impl Renewal {
    fn new() -> Renewal {
        let (old, new) = (Authority::new("old"), Authority::new("new"));
        let (first, second) = (old.issue(&["localhost"]), new.issue(&["localhost"]));
        old.write_pair("server", &first);
        Renewal { old, new, first, second }
    }

    fn tls(&self) -> Tls {
        let folder = self.old.folder.path();
        Tls::from_files(folder.join("server.pem"), folder.join("server.key"))
    }

    /// Writes beside the place and moves there.
    fn replace(&self, name: &str, content: &str) {
        let written = self.old.write("written", content);
        std::fs::rename(written, self.old.folder.path().join(name)).expect("a move");
    }
}

#[test]
fn a_renewed_certificate_is_taken_up_and_no_request_is_lost() {
    let renewal = Renewal::new();
    let running = serve(renewal.tls().reload_interval(OFTEN));
    let (old, new) = (renewal.old.client(), renewal.new.client());
    let mut long = shake(running.address, "localhost", &old).expect("a handshake");
    let over = Arc::new(AtomicBool::new(false));
    let traffic: Vec<_> = (0..4)
        .map(|_| {
            // a client that trusts both, as one that has both authorities
            let (address, over) = (running.address, Arc::clone(&over));
            let either = renewal.old.trusting_also(&renewal.new);
            std::thread::spawn(move || {
                let mut requests = 0;
                while !over.load(Ordering::Relaxed) {
                    let answer = get(address, "localhost", &either, "/t").expect("an answer");
                    assert_eq!(answer, "ok");
                    requests += 1;
                }
                requests
            })
        })
        .collect();
    assert_eq!(long.ask("GET /t HTTP/1.1\r\nHost: x\r\n\r\n").text(), "ok");
    for round in 0..6 {
        let (issued, trusting) = match round % 2 {
            0 => (&renewal.second, &new),
            _ => (&renewal.first, &old),
        };
        renewal.replace("server.pem", &issued.certificate);
        renewal.replace("server.key", &issued.key);
        wait_until("the renewed certificate is used", || is_trusted(&running, trusting));
        assert_eq!(long.ask("GET /t HTTP/1.1\r\nHost: x\r\n\r\n").text(), "ok", "it goes on");
    }
    over.store(true, Ordering::Relaxed);
    let requests: usize = traffic.into_iter().map(|thread| thread.join().expect("no loss")).sum();
    assert!(requests >= 4, "{requests}");
}

#[test]
fn a_bad_pair_is_refused_with_the_reason_and_the_old_one_kept_until_both_are_new() {
    let renewal = Renewal::new();
    let running = serve(renewal.tls().reload_interval(Duration::ZERO));
    let (old, new) = (renewal.old.client(), renewal.new.client());
    let folder = renewal.old.folder.path().display().to_string();

    renewal.old.write("server.pem", &renewal.second.certificate);
    let error = running.handle.reload_tls().expect_err("half of a pair");
    let reason = format!(
        "TLS: the key in the key file {:?} does not belong to the first certificate in the certificate file {:?}",
        format!("{folder}/server.key"),
        format!("{folder}/server.pem")
    );
    assert_eq!(error.to_string(), reason);
    let lines = log::lines_with(&reason);
    assert!(lines.iter().any(|line| line.starts_with("ERROR") && line.contains("stays in use")), "{lines:?}");
    assert!(is_trusted(&running, &old) && !is_trusted(&running, &new));

    renewal.old.write("server.key", &renewal.second.key[..100]);
    assert!(running.handle.reload_tls().is_err());
    std::fs::remove_file(renewal.old.folder.path().join("server.key")).expect("a file");
    assert!(running.handle.reload_tls().is_err());
    assert!(is_trusted(&running, &old) && !is_trusted(&running, &new));

    renewal.old.write("server.key", &renewal.second.key);
    running.handle.reload_tls().expect("a whole pair");
    assert!(is_trusted(&running, &new) && !is_trusted(&running, &old));
}

#[test]
fn one_bad_pair_does_not_hold_up_the_others() {
    let (renewal, other) = (Renewal::new(), Renewal::new());
    let tls = renewal.tls().and(Tls::from_files(
        other.old.write("other.pem", &other.old.issue(&["other.test"]).certificate),
        other.old.write("other.key", "to be replaced"),
    ));
    let issued = other.old.issue(&["other.test"]);
    other.old.write("other.pem", &issued.certificate);
    other.old.write("other.key", &issued.key);
    let running = serve(tls.reload_interval(Duration::ZERO));
    other.old.write("other.key", "broken");
    renewal.old.write("server.pem", &renewal.second.certificate);
    renewal.old.write("server.key", &renewal.second.key);
    assert!(running.handle.reload_tls().is_err());
    assert!(is_trusted(&running, &renewal.new.client()));
    let answer = get(running.address, "other.test", &other.old.client(), "/t").expect("an answer");
    assert_eq!(answer, "ok", "the old one stays");
}

#[test]
fn files_behind_links_are_taken_up_when_the_link_changes() {
    let renewal = Renewal::new();
    let folder = renewal.old.folder.path();
    for (name, issued) in [("first", &renewal.first), ("second", &renewal.second)] {
        std::fs::create_dir(folder.join(name)).expect("a folder");
        renewal.old.write(&format!("{name}/tls.crt"), &issued.certificate);
        renewal.old.write(&format!("{name}/tls.key"), &issued.key);
    }
    // as Kubernetes mounts a secret: tls.crt -> data/tls.crt, data -> first
    symlink("first", folder.join("data")).expect("a link");
    symlink("data/tls.crt", folder.join("tls.crt")).expect("a link");
    symlink("data/tls.key", folder.join("tls.key")).expect("a link");
    let tls = Tls::from_files(folder.join("tls.crt"), folder.join("tls.key")).reload_interval(OFTEN);
    let running = serve(tls);
    assert!(is_trusted(&running, &renewal.old.client()));
    symlink("second", folder.join("data.new")).expect("a link");
    std::fs::rename(folder.join("data.new"), folder.join("data")).expect("a move");
    let new = renewal.new.client();
    wait_until("the new certificate is used", || is_trusted(&running, &new));
}

#[test]
fn authorities_of_clients_are_renewed_and_tickets_of_the_old_ones_are_void() {
    let renewal = Renewal::new();
    let people = renewal.old.write("people.pem", renewal.old.pem());
    let running = serve(renewal.tls().client_certificates(&people).reload_interval(Duration::ZERO));
    let ada = renewal.old.client_with(&renewal.old.issue(&["Ada"]));
    assert!(is_trusted(&running, &ada) && is_trusted(&running, &ada));
    renewal.old.write("people.pem", renewal.new.pem());
    running.handle.reload_tls().expect("an authority");
    assert!(!is_trusted(&running, &ada));
    renewal.old.write("people.pem", "nobody");
    assert!(running.handle.reload_tls().is_err());
    assert!(!is_trusted(&running, &ada));
}
