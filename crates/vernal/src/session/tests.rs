//! What is promised about a session during its request, and about what comes in and goes out with it.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::{Cookie, Cookies};

const NAME: &str = "VERNAL_SESSION_ID";

/// A visitor with a cookie jar, and the server's side of its requests.
struct Visitor {
    store: Box<dyn SessionStore>,
    settings: SessionSettings,
    cookies: Cookies,
}

impl Visitor {
    fn new() -> Self {
        Visitor::of(MemorySessions::new(100))
    }

    fn of(store: impl SessionStore) -> Self {
        Visitor { store: Box::new(store), settings: SessionSettings::new(), cookies: Cookies::new() }
    }

    async fn open(&self, create: bool) -> Option<Session> {
        open(&*self.store, &self.settings, &self.cookies, create).await.expect("no error")
    }

    async fn begin(&self) -> Session {
        self.open(true).await.expect("a session")
    }

    async fn resume(&self) -> Session {
        self.open(false).await.expect("the session of the cookie")
    }

    async fn finish(&mut self, session: &Session) -> Option<Cookie> {
        let had_cookie = self.cookies.get(NAME).is_some();
        let cookie =
            finish(&*self.store, &self.settings, session, had_cookie, false).await.expect("no error");
        self.cookies.extend(cookie.clone());
        cookie
    }
}

fn written(cookie: Option<Cookie>) -> String {
    cookie.expect("a cookie").to_header().expect("valid cookie").to_str().expect("ASCII").to_owned()
}

#[tokio::test]
async fn a_new_session_is_known_again_by_its_cookie() {
    let mut visitor = Visitor::new();
    assert!(visitor.open(false).await.is_none());

    let session = visitor.begin().await;
    assert!(session.is_new() && session.is_valid());
    assert!(session.id().len() == 32 && session.id().bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(session.max_inactive_interval(), Duration::from_secs(1800));
    assert_eq!(session.creation_time(), session.last_accessed_time());
    session.set("k", "v").expect("JSON");
    visitor.finish(&session).await;

    let again = visitor.resume().await;
    assert!(!again.is_new() && again.is_valid());
    assert_eq!(again.id(), session.id());
    assert_eq!(again.creation_time(), session.creation_time());
    assert!(again.last_accessed_time() >= session.last_accessed_time());
    assert_eq!(again.get::<String>("k").as_deref(), Some("v"));
}

#[tokio::test]
async fn se_2_an_unknown_identifier_is_never_adopted() {
    let unknown = "0123456789abcdef0123456789abcdef";
    for id in [unknown, "attacker", "", &"a".repeat(31), &"A".repeat(32), &"a".repeat(33), &"é".repeat(16)] {
        let mut visitor = Visitor::new();
        visitor.cookies.insert(Cookie::new(NAME, id));
        assert!(visitor.open(false).await.is_none());
        assert_ne!(visitor.begin().await.id(), id);
    }
}

#[tokio::test]
async fn identifiers_of_another_form_are_not_looked_up() {
    struct Untouched;
    impl SessionStore for Untouched {
        fn load<'a>(&'a self, id: &'a str) -> Answer<'a, Option<Record>> {
            panic!("looked up {id:?}")
        }
        fn save<'a>(&'a self, _: &'a str, _: Change) -> Answer<'a, bool> {
            Answer::ready(true)
        }
        fn remove<'a>(&'a self, _: &'a str) -> Answer<'a, ()> {
            Answer::ready(())
        }
    }
    let mut visitor = Visitor::of(Untouched);
    for id in ["../../etc/passwd", "ABCDEF0123456789abcdef0123456789", "*"] {
        visitor.cookies.insert(Cookie::new(NAME, id));
        assert!(visitor.open(false).await.is_none());
    }
}

#[tokio::test]
async fn every_response_of_a_valid_session_sets_its_cookie() {
    let mut visitor = Visitor::new();
    for _ in 0..2 {
        let session = visitor.begin().await;
        let expires = httpdate::fmt_http_date(session.last_accessed_time() + Duration::from_secs(1800));
        assert_eq!(
            written(visitor.finish(&session).await),
            format!(
                "{NAME}={}; expires={expires}; HttpOnly; Max-Age=1800; Path=/; SameSite=Lax",
                session.id()
            )
        );
    }
}

#[tokio::test]
async fn the_cookie_is_as_the_settings_say() {
    let mut visitor = Visitor::new();
    visitor.settings = SessionSettings::new()
        .cookie_name("id")
        .path("/app")
        .domain("example.org")
        .secure(true)
        .http_only(false)
        .same_site(crate::SameSite::Strict)
        .max_inactive_interval(Duration::from_secs(60))
        .persistent(false);
    let session = visitor.begin().await;
    assert_eq!(session.max_inactive_interval(), Duration::from_secs(60));
    let cookie = visitor.finish(&session).await;
    let (id, attributes) = (session.id(), "Domain=example.org; Path=/app; SameSite=Strict; Secure");
    assert_eq!(written(cookie), format!("id={id}; {attributes}"));

    session.invalidate();
    let removal = finish(&*visitor.store, &visitor.settings, &session, true, false).await.expect("no error");
    assert_eq!(
        written(removal),
        "id=; Domain=example.org; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/app; SameSite=Strict; \
         Secure"
    );
}

#[test]
fn a_cookie_that_could_never_be_sent_is_refused_at_start() {
    assert!(SessionSettings::new().check().is_ok());
    let error = SessionSettings::new().cookie_name("my session").check().expect_err("a bad name");
    assert!(error.is_configuration());
    assert_eq!(
        error.to_string(),
        "session settings: cookie \"my session\" cannot be sent: its name is not a token (RFC 9110 section 5.6.2)"
    );
}

#[tokio::test]
async fn an_interval_of_its_own_moves_the_end_of_the_cookie() {
    let mut visitor = Visitor::new();
    let session = visitor.begin().await;
    session.set_max_inactive_interval(Duration::from_secs(7));
    assert!(written(visitor.finish(&session).await).contains("; Max-Age=7; "));
    let again = visitor.resume().await;
    assert_eq!(again.max_inactive_interval(), Duration::from_secs(7));

    again.set_max_inactive_interval(Duration::MAX);
    let cookie = written(visitor.finish(&again).await);
    assert!(cookie.contains(&format!("; Max-Age={}; ", u64::MAX)) && !cookie.contains("expires"), "{cookie}");

    let last = visitor.resume().await;
    last.set_max_inactive_interval(Duration::ZERO);
    visitor.finish(&last).await;
    assert!(visitor.open(false).await.is_none());
}

#[tokio::test]
async fn attributes_are_set_read_and_removed() {
    #[derive(Debug, Serialize, Deserialize, PartialEq)]
    struct User {
        name: String,
    }

    let mut visitor = Visitor::new();
    let session = visitor.begin().await;
    let user = User { name: "Ann".into() };
    session.set("user", &user).expect("JSON");
    session.set(String::from("levels"), [1, 2]).expect("JSON");
    session.set("gone", true).expect("JSON");
    session.remove("gone");
    visitor.finish(&session).await;

    let session = visitor.resume().await;
    assert_eq!(session.attribute_names(), ["levels", "user"]);
    assert_eq!(session.get::<User>("user"), Some(user));
    assert_eq!(session.get::<u8>("user"), None, "of another shape");
    assert_eq!(session.get::<u8>("gone"), None);
    session.remove("levels");
    session.set("age", 16).expect("JSON");
    assert_eq!(session.attribute_names(), ["age", "user"]);
    assert!(session.contains("age") && !session.contains("levels"));
    assert_eq!(session.get::<Vec<u8>>("levels"), None);
    session.set("levels", "none").expect("JSON");
    visitor.finish(&session).await;

    let session = visitor.resume().await;
    assert_eq!(session.attribute_names(), ["age", "levels", "user"]);
    assert_eq!(session.get::<Value>("levels"), Some(json!("none")));
}

#[tokio::test]
async fn a_value_without_a_form_in_json_is_an_error() {
    let session = Visitor::new().begin().await;
    let error = session.set("map", HashMap::from([((1, 2), 3)])).expect_err("keys that are not text");
    assert_eq!(error.to_string(), "session attribute \"map\" has no form in JSON: key must be a string");
    assert!(!session.contains("map"));
}

#[tokio::test]
async fn clones_are_the_same_session() {
    let session = Visitor::new().begin().await;
    session.clone().set("k", 1).expect("JSON");
    assert_eq!(session.get::<u8>("k"), Some(1));
    session.clone().invalidate();
    assert!(!session.is_valid());
}

#[tokio::test]
async fn overlapping_requests_both_keep_what_they_set() {
    let mut visitor = Visitor::new();
    let session = visitor.begin().await;
    visitor.finish(&session).await;

    let (one, two) = (visitor.resume().await, visitor.resume().await);
    one.set("one", 1).expect("JSON");
    two.set("two", 2).expect("JSON");
    assert_eq!(two.get::<u8>("one"), None);
    visitor.finish(&one).await;
    visitor.finish(&two).await;
    assert_eq!(visitor.resume().await.attribute_names(), ["one", "two"]);
}

#[tokio::test]
async fn an_invalidated_session_is_dead_and_its_cookie_is_cleared() {
    let mut visitor = Visitor::new();
    let session = visitor.begin().await;
    session.set("user", "Ann").expect("JSON");
    visitor.finish(&session).await;
    let known = visitor.cookies.clone();

    let session = visitor.resume().await;
    session.invalidate();
    assert!(!session.is_valid());
    assert_eq!(session.attribute_names(), [""; 0]);
    session.set("user", "Bob").expect("ignored");
    assert!(!session.contains("user"));
    assert_eq!(
        written(visitor.finish(&session).await),
        format!("{NAME}=; expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Max-Age=0; Path=/; SameSite=Lax")
    );
    assert!(visitor.open(false).await.is_none());
    visitor.cookies = known;
    assert!(visitor.open(false).await.is_none(), "the old cookie leads nowhere");
}

#[tokio::test]
async fn a_session_begun_and_invalidated_in_one_request_leaves_no_trace() {
    let mut visitor = Visitor::new();
    let session = visitor.begin().await;
    session.invalidate();
    assert_eq!(visitor.finish(&session).await, None);
    visitor.cookies.insert(Cookie::new(NAME, session.id()));
    assert!(visitor.open(false).await.is_none());
}

#[tokio::test]
async fn a_request_under_way_does_not_undo_a_logout() {
    let mut visitor = Visitor::new();
    let session = visitor.begin().await;
    visitor.finish(&session).await;
    let known = visitor.cookies.clone();

    let (logout, late) = (visitor.resume().await, visitor.resume().await);
    logout.invalidate();
    visitor.finish(&logout).await;
    late.set("user", "Ann").expect("JSON");
    assert_eq!(visitor.finish(&late).await, None);
    visitor.cookies = known;
    assert!(visitor.open(false).await.is_none());
}

/// A login in a session that had an attribute before; whatever the store, the old identifier has to stop working.
async fn log_in(mut visitor: Visitor) {
    let session = visitor.begin().await;
    session.set("cart", ["book"]).expect("JSON");
    visitor.finish(&session).await;
    let (before, old_id) = (visitor.cookies.clone(), session.id());

    let (login, late) = (visitor.resume().await, visitor.resume().await);
    login.set("user", "Ann").expect("JSON");
    login.renew_id();
    assert_ne!(login.id(), old_id);
    assert!(!login.is_new());
    let cookie = visitor.finish(&login).await.expect("a cookie");
    assert_eq!(cookie.value(), login.id());

    let after = visitor.resume().await;
    assert_eq!(after.attribute_names(), ["cart", "user"]);
    assert_eq!(after.creation_time(), session.creation_time());
    assert_eq!(visitor.finish(&late).await, None, "the cookie of the login stays");
    visitor.cookies = before;
    assert!(visitor.open(false).await.is_none(), "the old cookie leads nowhere");
}

#[tokio::test]
async fn a_renewed_identifier_keeps_the_attributes_and_ends_the_old_one() {
    log_in(Visitor::new()).await;
}

#[tokio::test]
async fn a_renewed_session_that_is_invalidated_ends_under_its_old_identifier() {
    let mut visitor = Visitor::new();
    let session = visitor.begin().await;
    visitor.finish(&session).await;
    let session = visitor.resume().await;
    session.renew_id();
    session.invalidate();
    let known = visitor.cookies.clone();
    visitor.finish(&session).await;
    visitor.cookies = known;
    assert!(visitor.open(false).await.is_none());
}

#[tokio::test]
async fn a_new_session_may_be_renewed_as_well() {
    let mut visitor = Visitor::new();
    let session = visitor.begin().await;
    let first = session.id();
    session.renew_id();
    visitor.finish(&session).await;
    assert_ne!(visitor.resume().await.id(), first);
}

/// A store that answers later, and has no `rename` of its own.
struct Slow(MemorySessions);

impl SessionStore for Slow {
    fn load<'a>(&'a self, id: &'a str) -> Answer<'a, Option<Record>> {
        Answer::pending(async move {
            tokio::task::yield_now().await;
            self.0.load(id).wait().await
        })
    }

    fn save<'a>(&'a self, id: &'a str, change: Change) -> Answer<'a, bool> {
        Answer::pending(async move {
            tokio::task::yield_now().await;
            self.0.save(id, change).wait().await
        })
    }

    fn remove<'a>(&'a self, id: &'a str) -> Answer<'a, ()> {
        Answer::pending(async move {
            tokio::task::yield_now().await;
            self.0.remove(id).wait().await
        })
    }
}

#[tokio::test]
async fn a_store_that_answers_later_does_the_same() {
    log_in(Visitor::of(Slow(MemorySessions::new(100)))).await;
}

#[tokio::test]
async fn an_error_of_the_store_is_passed_on() {
    struct Broken;
    impl SessionStore for Broken {
        fn load<'a>(&'a self, _: &'a str) -> Answer<'a, Option<Record>> {
            Answer::Ready(Err(std::io::Error::other("store is away").into()))
        }
        fn save<'a>(&'a self, _: &'a str, _: Change) -> Answer<'a, bool> {
            Answer::Ready(Err(std::io::Error::other("store is away").into()))
        }
        fn remove<'a>(&'a self, _: &'a str) -> Answer<'a, ()> {
            Answer::Ready(Err(std::io::Error::other("store is away").into()))
        }
    }
    let (settings, cookies) =
        (SessionSettings::new(), Cookies::from([(NAME, "0123456789abcdef0123456789abcdef")]));
    let error = open(&Broken, &settings, &cookies, true).await.expect_err("an error");
    assert_eq!(error.to_string(), "store is away");
    let session = Visitor::new().begin().await;
    let error = finish(&Broken, &settings, &session, false, false).await.expect_err("an error");
    assert_eq!(error.to_string(), "store is away");
}

#[test]
fn requests_with_sessions_may_move_between_threads() {
    fn movable<T: Send>(_: T) {}
    let (store, settings, cookies) = (MemorySessions::new(1), SessionSettings::new(), Cookies::new());
    movable(open(&store, &settings, &cookies, true));
    movable(store.load("a").wait());
}

#[tokio::test]
async fn neither_identifier_nor_values_are_shown_when_debugging() {
    let session = Visitor::new().begin().await;
    session.set("password", "secret").expect("JSON");
    assert_eq!(format!("{session:?}"), "Session { is_new: true, is_valid: true, .. }");
}
