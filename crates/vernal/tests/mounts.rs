//! Apps within an app: what each of them answers, and what they have in common.

mod support;

use std::sync::Arc;

use support::Running;
use vernal::session::{Answer, Change, MemorySessions, Record, SessionStore};
use vernal::testing::Client;
use vernal::websocket::FunctionHandler;
use vernal::{App, Builder, HttpError, Request, Response, Route, Server, controller};

fn shop() -> Builder {
    let show = controller::from_fn(|request: &Request| {
        let name = request.path_value("name").unwrap_or_default();
        format!("{name} of {} in {} by {:?}", request.path(), request.prefix(), request.param("by"))
    });
    let size = controller::from_async_fn(|request: &Request| {
        Box::pin(async move { Ok::<_, vernal::Error>(request.bytes().await?.len().to_string()) })
    });
    let echo = FunctionHandler::new("echo")
        .on_text_message(|session, message| async move { session.send_text(message).await });
    App::builder()
        .route(Route::path("/"), controller::from_fn(|_: &Request| "the shop"))
        .route(Route::path("/size").method("POST"), size)
        .route(Route::path("/items/{name}"), show)
        .websocket(Route::path("/echo"), echo)
        .error_page(&["404"], |_, _| {
            vernal::controller::Answer::Ready(Ok(Response::new(404).body("not sold")))
        })
}

fn street() -> Builder {
    let shop = shop().build().expect("a shop");
    App::builder()
        .mount("/shop", shop)
        .route(Route::path("/**"), controller::from_fn(|_: &Request| "the street"))
}

#[tokio::test]
async fn all_below_the_prefix_is_for_the_mounted_app() {
    let client = Client::new(street().build().expect("a street"));
    for (target, text) in [
        ("/along", "the street"),
        ("/shopping", "the street"),
        ("/shop", "the shop"),
        ("/shop?by=bike", "the shop"),
        ("/shop/", "the shop"),
        ("/shop/items/n%C3%BCsse?by=bike", "nüsse of /items/nüsse in /shop by Some(\"bike\")"),
        ("/shop/nowhere", "not sold"),
    ] {
        assert_eq!(client.get(target).send().await.text(), text, "{target}");
    }
    assert_eq!(client.post("/shop/size").body("12345").send().await.text(), "5");
}

#[tokio::test]
async fn mounted_apps_may_have_mounted_apps() {
    let city =
        App::builder().mount("/a/street", street().build().expect("a street")).build().expect("a city");
    let answer = Client::new(city).get("/a/street/shop/items/pen").send().await;
    assert_eq!(answer.text(), "pen of /items/pen in /a/street/shop by None");
}

#[tokio::test]
async fn the_longest_prefix_counts() {
    let deep = App::builder().route(Route::path("/"), controller::from_fn(|_: &Request| "deep"));
    let app = street().mount("/shop/deep", deep.build().expect("an app")).build().expect("an app");
    let client = Client::new(app);
    assert_eq!(client.get("/shop/deep").send().await.text(), "deep");
    assert_eq!(client.get("/shop/deeper").send().await.text(), "not sold");
}

#[tokio::test]
async fn websockets_reach_mounted_apps() {
    let client = Client::new(street().build().expect("a street"));
    let mut socket = client.websocket("/shop/echo").connect().await.expect("a connection");
    socket.send_text("hello").await.expect("a client that may send");
    assert_eq!(socket.receive_text().await, "hello");
    assert_eq!(client.websocket("/echo").connect().await.expect_err("there is none").text(), "the street");
}

#[test]
fn a_socket_leads_to_mounted_apps() {
    let server = Running::start(Server::of(street()));
    assert_eq!(server.get("/shop/items/pen").text(), "pen of /items/pen in /shop by None");
    assert_eq!(server.get("/elsewhere").text(), "the street");
}

#[test]
fn wrong_prefixes_are_reported_at_start() {
    let shop = shop().build().expect("a shop");
    let wrong =
        App::builder().mount("shop/", shop.clone()).mount("/a", shop.clone()).mount("/a", shop).build();
    let text = wrong.err().map(|error| error.to_string()).unwrap_or_default();
    assert_eq!(
        text,
        "the prefix \"shop/\" of a mount should begin with /, not end with it, and have only letters, digits and \
         -._~ besides\ntwo apps are mounted at /a"
    );
}

/// A store that two apps have.
#[derive(Clone)]
struct Common(Arc<MemorySessions>);

impl SessionStore for Common {
    fn load<'a>(&'a self, id: &'a str) -> Answer<'a, Option<Record>> {
        self.0.load(id)
    }

    fn save<'a>(&'a self, id: &'a str, change: Change) -> Answer<'a, bool> {
        self.0.save(id, change)
    }

    fn remove<'a>(&'a self, id: &'a str) -> Answer<'a, ()> {
        self.0.remove(id)
    }
}

#[tokio::test]
async fn apps_with_the_same_store_and_cookie_have_their_sessions_in_common() {
    let count = || {
        controller::from_async_fn(|request: &Request| {
            Box::pin(async move {
                let session = request.session().await?;
                let visits = session.get::<u32>("visits").unwrap_or_default() + 1;
                session.set("visits", visits)?;
                Ok::<_, vernal::Error>(visits.to_string())
            })
        })
    };
    let common = Common(Arc::new(MemorySessions::new(10)));
    let app = |common: &Common| {
        let app = App::builder().session_store(common.clone()).session_cookie_name("visit");
        app.route(Route::path("/count"), count())
    };
    let inner = app(&common).build().expect("an app");
    let outer = app(&common).mount("/inner", inner.clone()).build().expect("an app");
    let client = Client::new(outer.clone());
    for (target, visits) in [("/count", "1"), ("/inner/count", "2"), ("/count", "3")] {
        assert_eq!(client.get(target).send().await.text(), visits);
    }
    let id = client.cookie("visit").expect("a cookie");
    let record = outer.session_store().load(&id).wait().await.expect("an answer").expect("a session");
    assert_eq!(record.attributes["visits"], 3);

    let (begun, record) = inner.begin_session().await.expect("a session");
    assert!(record.attributes.is_empty());
    let cookie = format!("visit={begun}");
    let answer = Client::new(outer).get("/count").header("Cookie", cookie).send().await;
    assert_eq!(answer.text(), "1");
    let record = inner.session_store().load(&begun).wait().await.expect("an answer").expect("a session");
    assert_eq!(record.attributes["visits"], 1);
}

#[tokio::test]
async fn an_error_of_a_mounted_app_is_its_own() {
    let failing = controller::from_fn(|_: &Request| Err::<&str, _>(HttpError::new(418)));
    let inner = App::builder().route(Route::path("/"), failing).build().expect("an app");
    let outer = App::builder()
        .mount("/inner", inner)
        .error_page(&["*"], |_, _| vernal::controller::Answer::Ready(Ok(Response::new(500).body("outer"))));
    let answer = Client::new(outer.build().expect("an app")).get("/inner").send().await;
    assert_eq!(answer.status(), 418);
    assert!(!answer.text().contains("outer"));
}
