//! What is remembered between requests: when a session begins and ends, its cookie, and stores of one's own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use vernal::SameSite;
use vernal::prelude::*;
use vernal::session::{self, Change, Record, SessionSettings, SessionStore};
use vernal::testing::{Answer, Client};

const COOKIE: &str = "VERNAL_SESSION_ID";

fn app(declare: impl FnOnce(Server) -> Server) -> App {
    let server = declare(Server::new().scan(module_path!()));
    server.build().unwrap_or_else(|error| panic!("{error}"))
}

fn client() -> Client {
    Client::new(app(|server| server))
}

#[route("/plain")]
fn plain() -> &'static str {
    "plain"
}

#[route("/visit")]
fn visit(session: Session) -> Result<String> {
    let visits = session.get::<u32>("visits").unwrap_or_default() + 1;
    session.set("visits", visits)?;
    Ok(format!("{visits} {}", session.is_new()))
}

#[route("/existing")]
fn existing(session: Option<Session>) -> String {
    format!("{:?}", session.map(|session| session.get::<u32>("visits").unwrap_or_default()))
}

#[route("/request")]
async fn of_request(request: &Request) -> Result<String> {
    let before = request.existing_session().await?.is_some();
    let session = request.session().await?;
    session.set("in-session", "Hello, Session!")?;
    Ok(format!("{before} {} {:?}", session.id().len(), session.attribute_names()))
}

#[route("/attributes")]
fn attributes(session: Session) -> Result<String> {
    session.set("text", "t")?;
    session.set("list", vec![1, 2])?;
    session.set("gone", true)?;
    session.remove("gone");
    let wrong = session.get::<u8>("text");
    let list: Option<Vec<u8>> = session.get("list");
    Ok(format!("{:?} {list:?} {wrong:?} {}", session.attribute_names(), session.contains("gone")))
}

#[route("/times")]
fn times(session: Session) -> String {
    let age = session.last_accessed_time().duration_since(session.creation_time());
    format!("{} {}", session.max_inactive_interval().as_secs(), age.is_ok())
}

#[route("/logout")]
fn logout(session: Session) -> String {
    session.invalidate();
    format!("{} {:?}", session.is_valid(), session.attribute_names())
}

#[route("/renew")]
fn renew(session: Session) {
    session.renew_id();
}

#[route("/short")]
fn short(session: Session) -> Result<()> {
    session.set_max_inactive_interval(Duration::from_millis(20));
    session.set("visits", 7)
}

#[route("/fail")]
fn fail(session: Session) -> Result<()> {
    session.set("visits", 100)?;
    Err(HttpError::new(409))?
}

#[route("/renew/fail")]
fn renew_and_fail(session: Session) -> Result<()> {
    session.renew_id();
    Err(HttpError::new(409))?
}

async fn text(client: &Client, target: &str) -> String {
    client.get(target).send().await.text().to_owned()
}

fn set_cookie(answer: &Answer) -> Option<&str> {
    answer
        .headers()
        .get_all("set-cookie")
        .find(|cookie| cookie.contains("SESSION") || cookie.contains("visit"))
}

#[tokio::test]
async fn a_session_begins_when_it_is_first_asked_for() {
    let client = client();
    assert_eq!(set_cookie(&client.get("/plain").send().await), None);
    assert_eq!(text(&client, "/existing").await, "None");
    assert_eq!(client.cookie(COOKIE), None);
    assert_eq!(text(&client, "/visit").await, "1 true");
    assert_eq!(client.cookie(COOKIE).map(|id| id.len()), Some(32));
    assert_eq!(text(&client, "/visit").await, "2 false");
    assert_eq!(text(&client, "/existing").await, "Some(2)");
}

#[tokio::test]
async fn each_visitor_has_a_session_of_their_own() {
    let app = app(|server| server);
    let (one, another) = (Client::new(app.clone()), Client::new(app));
    text(&one, "/visit").await;
    assert_eq!(text(&another, "/visit").await, "1 true");
    assert_eq!(text(&one, "/visit").await, "2 false");
}

#[tokio::test]
async fn the_request_has_the_session_too() {
    let client = client();
    assert_eq!(text(&client, "/request").await, r#"false 32 ["in-session"]"#);
    assert_eq!(text(&client, "/request").await, r#"true 32 ["in-session"]"#);
}

#[tokio::test]
async fn attributes_have_names_and_any_type() {
    assert_eq!(text(&client(), "/attributes").await, r#"["list", "text"] Some([1, 2]) None false"#);
    assert_eq!(text(&client(), "/times").await, "1800 true");
}

#[tokio::test]
async fn an_identifier_that_the_server_did_not_give_is_never_adopted() {
    let client = client();
    for id in ["attacker", &"a".repeat(32), ""] {
        let answer = client.get("/visit").header("Cookie", format!("{COOKIE}={id}")).send().await;
        let cookie = set_cookie(&answer).expect("a cookie");
        assert!(!cookie.starts_with(&format!("{COOKIE}={id};")), "{cookie}");
    }
}

#[tokio::test]
async fn invalidate_ends_the_session_and_its_cookie() {
    let client = client();
    text(&client, "/visit").await;
    let id = client.cookie(COOKIE).expect("a session");
    assert_eq!(text(&client, "/logout").await, "false []");
    assert_eq!(client.cookie(COOKIE), None);
    let answer = client.get("/existing").header("Cookie", format!("{COOKIE}={id}")).send().await;
    assert_eq!(answer.text(), "None");
    assert_eq!(text(&client, "/visit").await, "1 true");
}

#[tokio::test]
async fn a_session_that_ends_in_its_first_request_leaves_no_cookie() {
    assert_eq!(set_cookie(&client().get("/logout").send().await), None);
}

#[tokio::test]
async fn renew_id_keeps_the_attributes_and_ends_the_old_identifier() {
    let app = app(|server| server);
    let client = Client::new(app.clone());
    text(&client, "/visit").await;
    let old = client.cookie(COOKIE).expect("a session");
    text(&client, "/renew").await;
    assert_ne!(client.cookie(COOKIE).as_ref(), Some(&old));
    assert_eq!(text(&client, "/visit").await, "2 false");
    let thief = Client::new(app);
    let answer = thief.get("/existing").header("Cookie", format!("{COOKIE}={old}")).send().await;
    assert_eq!(answer.text(), "None");
}

#[tokio::test]
async fn a_session_that_was_not_used_for_its_interval_is_gone() {
    let settings = SessionSettings::new().max_inactive_interval(Duration::from_millis(20));
    let client = Client::new(app(|server| server.session(settings)));
    text(&client, "/visit").await;
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(text(&client, "/existing").await, "None");
    let client = self::client();
    text(&client, "/short").await;
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(text(&client, "/existing").await, "None");
}

#[tokio::test]
async fn every_request_moves_the_end_on_even_where_no_one_asks_for_the_session() {
    let log = Log::default();
    let client = Client::new(app(|server| server.session_store(log.clone())));
    text(&client, "/visit").await;
    let first = log.last_accessed_times();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let answer = client.get("/plain").send().await;
    assert!(log.last_accessed_times() > first);
    assert!(set_cookie(&answer).is_some(), "the cookie's own end moves on as well");
}

#[tokio::test]
async fn the_session_is_kept_when_the_controller_fails() {
    let client = client();
    assert_eq!(client.get("/fail").send().await.status(), 409);
    assert_eq!(text(&client, "/existing").await, "Some(100)");
    let id = client.cookie(COOKIE);
    assert_eq!(client.get("/renew/fail").send().await.status(), 409);
    assert_ne!(client.cookie(COOKIE), id);
    assert_eq!(text(&client, "/existing").await, "Some(100)");
}

#[tokio::test]
async fn the_number_of_sessions_is_bounded_and_the_least_recently_used_goes_first() {
    let app = app(|server| server.limits(Limits::default().sessions(2)));
    let clients: Vec<Client> = (0..3).map(|_| Client::new(app.clone())).collect();
    text(&clients[0], "/visit").await;
    text(&clients[1], "/visit").await;
    text(&clients[0], "/visit").await;
    text(&clients[2], "/visit").await;
    assert_eq!(text(&clients[1], "/existing").await, "None");
    assert_eq!(text(&clients[0], "/existing").await, "Some(2)");
    assert_eq!(text(&clients[2], "/existing").await, "Some(1)");
}

#[tokio::test]
async fn the_cookie_is_as_safe_as_it_can_be_by_default() {
    let answer = client().get("/visit").send().await;
    let cookie = set_cookie(&answer).expect("a cookie");
    for attribute in ["Path=/", "HttpOnly", "SameSite=Lax", "Max-Age=1800", "Expires="] {
        assert!(cookie.to_lowercase().contains(&attribute.to_lowercase()), "{attribute} in {cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains("Domain"), "{cookie}");
}

#[tokio::test]
async fn the_attributes_of_the_cookie_are_settings() {
    let settings = SessionSettings::new()
        .cookie_name("visit")
        .path("/")
        .domain("example.org")
        .secure(true)
        .http_only(false)
        .same_site(SameSite::Strict)
        .max_inactive_interval(Duration::from_secs(60))
        .persistent(false);
    let client = Client::new(app(|server| server.session(settings)));
    let answer = client.get("/visit").send().await;
    let cookie = set_cookie(&answer).expect("a cookie");
    for attribute in ["visit=", "Domain=example.org", "Secure", "SameSite=Strict"] {
        assert!(cookie.contains(attribute), "{attribute} in {cookie}");
    }
    for attribute in ["HttpOnly", "Max-Age", "xpires"] {
        assert!(!cookie.contains(attribute), "{attribute} in {cookie}");
    }
    assert_eq!(text(&client, "/visit").await, "2 false");
}

#[test]
fn settings_that_no_browser_would_take_are_told_at_start() {
    let settings = SessionSettings::new().cookie_name("a b");
    let error = Server::new().scan(module_path!()).session(settings).build().err().expect("a mistake");
    assert!(error.is_configuration(), "{error}");
}

/// A store of one's own: it answers later, as one in a database does, and remembers what it was asked.
#[derive(Clone, Default)]
struct Log {
    records: Arc<Mutex<HashMap<String, Record>>>,
    calls: Arc<Mutex<Vec<&'static str>>>,
}

impl Log {
    fn note(&self, call: &'static str) {
        self.calls.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(call);
    }

    fn records(&self) -> std::sync::MutexGuard<'_, HashMap<String, Record>> {
        self.records.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn last_accessed_times(&self) -> Vec<std::time::SystemTime> {
        self.records().values().map(|record| record.last_accessed_time).collect()
    }
}

impl SessionStore for Log {
    fn load<'a>(&'a self, id: &'a str) -> session::Answer<'a, Option<Record>> {
        session::Answer::pending(async move {
            tokio::task::yield_now().await;
            self.note("load");
            Ok(self.records().get(id).cloned())
        })
    }

    fn save<'a>(&'a self, id: &'a str, change: Change) -> session::Answer<'a, bool> {
        self.note("save");
        let mut records = self.records();
        match records.get_mut(id) {
            Some(record) => record.apply(change),
            None if change.is_new => {
                records.insert(id.to_owned(), Record::new(change));
            }
            None => return session::Answer::ready(false),
        }
        session::Answer::ready(true)
    }

    fn remove<'a>(&'a self, id: &'a str) -> session::Answer<'a, ()> {
        self.note("remove");
        self.records().remove(id);
        session::Answer::ready(())
    }

    fn rename<'a>(&'a self, from: &'a str, to: &'a str) -> session::Answer<'a, ()> {
        self.note("rename");
        let mut records = self.records();
        if let Some(record) = records.remove(from) {
            records.insert(to.to_owned(), record);
        }
        session::Answer::ready(())
    }
}

#[tokio::test]
async fn sessions_may_be_kept_in_a_store_of_ones_own() {
    let log = Log::default();
    let client = Client::new(app(|server| server.session_store(log.clone())));
    for (target, expected) in
        [("/visit", "1 true"), ("/visit", "2 false"), ("/renew", ""), ("/visit", "3 false")]
    {
        assert_eq!(text(&client, target).await, expected, "{target}");
    }
    assert_eq!(log.records().len(), 1);
    text(&client, "/logout").await;
    assert_eq!(log.records().len(), 0);
    let calls = log.calls.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
    let expected = ["save", "load", "save", "load", "rename", "save", "load", "save", "load", "remove"];
    assert_eq!(calls, expected);
}

/// A store that is out of reach.
struct Broken;

impl SessionStore for Broken {
    fn load<'a>(&'a self, _: &'a str) -> session::Answer<'a, Option<Record>> {
        session::Answer::pending(async { Err(std::io::Error::other("the store is away"))? })
    }

    fn save<'a>(&'a self, _: &'a str, _: Change) -> session::Answer<'a, bool> {
        session::Answer::pending(async { Err(std::io::Error::other("the store is away"))? })
    }

    fn remove<'a>(&'a self, _: &'a str) -> session::Answer<'a, ()> {
        session::Answer::ready(())
    }

    fn rename<'a>(&'a self, _: &'a str, _: &'a str) -> session::Answer<'a, ()> {
        session::Answer::ready(())
    }
}

#[tokio::test]
async fn a_store_that_fails_is_a_500_for_those_who_need_it() {
    let client = Client::new(app(|server| server.session_store(Broken)));
    assert_eq!(client.get("/visit").send().await.status(), 500);
    assert_eq!(client.get("/plain").send().await.status(), 200);
    let answer =
        client.get("/existing").header("Cookie", format!("{COOKIE}={}", "0".repeat(32))).send().await;
    assert_eq!((answer.status(), answer.text().contains("away")), (500, false));
}

#[tokio::test]
async fn a_renewed_session_outlives_an_answer_that_cannot_be_sent() {
    let renew = vernal::controller::from_async_fn(|request: &vernal::Request| {
        Box::pin(async move {
            request.session().await?.renew_id();
            Ok::<_, vernal::Error>(vernal::StaticFile::new("/no/such/file"))
        })
    });
    let app = vernal::App::builder().route(vernal::Route::path("/renew"), renew).build().expect("an app");
    let client = vernal::testing::Client::new(app);
    assert_eq!(client.get("/renew").send().await.status(), 404);
    assert!(client.cookie("VERNAL_SESSION_ID").is_some());
}
