//! What is checked before the server starts, and what it says about its endpoints.

use vernal::prelude::*;
use vernal::websocket::{FunctionHandler, WebsocketSettings};
use vernal::{App, Route};

mod twice {
    use vernal::prelude::*;

    #[websocket_open("/twice", app = "twice")]
    async fn first() {}

    #[websocket_open("twice", app = "twice")]
    async fn second() {}
}

mod beside {
    use vernal::prelude::*;

    #[derive(Default)]
    struct Handler;

    #[websocket_handler("/beside/{a}", app = "beside")]
    impl WebsocketHandler for Handler {}

    #[websocket_open("/beside/{a}", app = "beside")]
    async fn function() {}

    #[websocket_close("/beside/{b}", app = "beside")]
    async fn other_name() {}
}

mod stateful {
    use vernal::prelude::*;

    #[websocket_open("/stateful", app = "stateful")]
    async fn open(_number: State<u128>) {}

    #[derive(Default)]
    struct Handler;

    #[websocket_handler("/stateful/handler", app = "stateful")]
    impl WebsocketHandler for Handler {
        async fn on_text_message(&self, _list: State<Vec<u8>>) {}
    }
}

mod ranked {
    use vernal::prelude::*;

    #[websocket_open("/ranked/{a}", app = "ranked")]
    async fn later(session: &WebsocketSession) -> Result<()> {
        session.send_text("later").await
    }

    #[websocket_open("/ranked/{b}", rank = -1, app = "ranked")]
    async fn sooner(session: &WebsocketSession) -> Result<()> {
        session.send_text("sooner").await
    }

    #[websocket_open("/ranked/exact", app = "ranked")]
    async fn exact(session: &WebsocketSession) -> Result<()> {
        session.send_text("exact").await
    }
}

fn mistakes(app: &'static str) -> String {
    Server::app(app).build().err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn two_functions_for_one_event_of_one_endpoint_are_a_mistake() {
    let text = mistakes("twice");
    assert!(text.contains("twice::first (crates/vernal/tests/websocket/declarations.rs:"), "{text}");
    assert!(text.contains("twice::second ("), "{text}");
    assert!(text.ends_with("are both on_open of the WebSocket endpoint twice: remove one of them"), "{text}");
}

#[test]
fn a_function_beside_a_handler_and_patterns_that_collide_are_mistakes() {
    let text = mistakes("beside");
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.contains("beside::Handler ("), "{text}");
    assert!(text.contains("beside::function ("), "{text}");
    assert!(text.contains("both take WebSocket connections to /beside/{a}"), "{text}");
    assert!(text.contains("give one a rank or another endpoint"), "{text}");
}

#[test]
fn values_that_nobody_manages_are_mistakes() {
    let text = mistakes("stateful");
    assert!(text.contains("wants a State<u128>"), "{text}");
    assert!(text.contains("wants a State<alloc::vec::Vec<u8>>"), "{text}");
    assert!(Server::app("stateful").manage(1_u128).manage(Vec::<u8>::new()).build().is_ok());
}

#[test]
fn bad_patterns_and_origins_are_mistakes() {
    let bad = |app: vernal::Builder| app.build().err().map(|error| error.to_string()).unwrap_or_default();
    let handler = || FunctionHandler::new("none");
    let text = bad(App::builder().websocket(Route::regexp("("), handler()));
    assert!(text.contains("declarations.rs"), "{text}");
    let text = bad(App::builder().websocket(Route::path("/a/*/b"), handler()));
    assert!(text.contains("declarations.rs"), "{text}");
    let text = bad(App::builder().websocket_settings(WebsocketSettings::default().origin("example.org")));
    assert!(text.starts_with("\"example.org\" is no origin"), "{text}");
}

#[test]
fn precedence_is_that_of_routes() {
    use crate::support::Running;
    use crate::support::websocket::Socket;
    let server = Running::start(Server::app("ranked"));
    assert_eq!(Socket::open(&server, "/ranked/exact").text(), "exact");
    assert_eq!(Socket::open(&server, "/ranked/other").text(), "sooner");
}

#[test]
fn precedence_is_that_of_routes_where_the_order_of_declaration_counts() {
    use crate::support::Running;
    use crate::support::websocket::Socket;
    use vernal::route::Precedence;
    let named = |name: &'static str| {
        FunctionHandler::new(name)
            .on_open(move |session| async move { session.send_text(name.to_owned()).await })
    };
    let server = Running::start(Server::app("none of the attributes").declare(|app| {
        app.precedence(Precedence::Declaration)
            .websocket(Route::path("/ws/**"), named("the first that matches"))
            .websocket(Route::path("/ws/{name}"), named("never"))
            .websocket(Route::path("/twice"), named("replaced"))
            .websocket(Route::path("/twice"), named("the last"))
    }));
    assert_eq!(Socket::open(&server, "/ws/a").text(), "the first that matches");
    assert_eq!(Socket::open(&server, "/twice").text(), "the last");
}

#[test]
fn endpoints_are_listed_with_the_routes() {
    let app = Server::app("ranked").build().unwrap_or_else(|error| panic!("{error}"));
    let lines: Vec<String> = app.mappings().collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines.iter().all(|line| line.starts_with("WEBSOCKET ")), "{lines:?}");
    assert!(
        lines.iter().any(|line| line.contains("/ranked/exact") && line.contains("ranked::exact")),
        "{lines:?}"
    );
}
