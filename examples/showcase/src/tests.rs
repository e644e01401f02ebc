//! The whole application, called in process.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use vernal::testing::{Answer, Client};
use vernal::{Handle, Server};

use crate::board::Board;
use crate::second::SecondAddress;
use crate::tour::SECTIONS;
use crate::tour::card::Try;

/// What a browser encodes before it sends a target.
const NOT_IN_TARGET: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'{').add(b'}');

fn showcase() -> (tempfile::TempDir, Client) {
    let directory = tempfile::tempdir().expect("a directory");
    let board = Board::in_memory(directory.path()).expect("a board");
    let server = crate::declare(Server::new(), board, SecondAddress(Handle::default()));
    let app = server.manage(Handle::default()).build().unwrap_or_else(|mistakes| panic!("{mistakes}"));
    (directory, Client::new(app))
}

async fn send(client: &Client, attempt: &Try) -> Answer {
    let target = utf8_percent_encode(attempt.target, NOT_IN_TARGET).to_string();
    let headers = attempt.headers.iter();
    let call =
        headers.fold(client.request(attempt.method, &target), |call, (name, value)| call.header(name, value));
    call.body(attempt.body).send().await
}

/// The token that the forms of a page carry.
async fn token(client: &Client) -> String {
    let page = client.get("/sign-in").send().await;
    let (_, rest) = page.text().split_once("name=\"csrf\" value=\"").expect("a form with a token");
    rest.chars().take_while(char::is_ascii_hexdigit).collect()
}

async fn sign_in(client: &Client, name: &str) {
    let csrf = token(client).await;
    let form = [("csrf", csrf.as_str()), ("name", name), ("passwd", "spring")];
    let answer = client.post("/sign-in").form(&form).send().await;
    assert_eq!((answer.status(), answer.header("location")), (303, Some("/board")));
}

/// Posts a notice, and answers the path of its page.
async fn post(client: &Client, title: &str) -> String {
    let csrf = token(client).await;
    let form = [("csrf", csrf.as_str()), ("title", title), ("text", "A text."), ("topic", "wanted")];
    let answer = client.post("/board").form(&form).send().await;
    assert_eq!(answer.status(), 303, "{}", answer.text());
    answer.header("location").expect("the notice").to_owned()
}

#[tokio::test]
async fn every_card_answers_as_it_says() {
    let (_directory, client) = showcase();
    let mut wrong = Vec::new();
    for card in SECTIONS.iter().flat_map(|section| section.cards) {
        for attempt in card.tries.iter().filter(|attempt| attempt.target.starts_with('/')) {
            let answer = send(&client, attempt).await;
            let headers: Vec<_> =
                answer.headers().iter().map(|(name, value)| format!("{name}: {value}")).collect();
            let text = format!("{}\n\n{}", headers.join("\n"), answer.text());
            // A browser follows a redirect, and its card says what it finds there.
            let is_redirect = answer.header("location").is_some() && answer.status() != 201;
            let says = is_redirect || text.contains(attempt.says) || card.id == "start";
            if answer.status() != attempt.status || !says {
                let Try { method, target, status, says, .. } = attempt;
                let came = answer.status();
                wrong.push(format!(
                    "{}: {method} {target}: {status} {says:?}; came {came}\n{text}\n",
                    card.id
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_card_shows_lines_of_the_sources() {
    for card in SECTIONS.iter().flat_map(|section| section.cards) {
        let (line, code) = card.code.lines().unwrap_or_else(|| panic!("{} has no lines", card.id));
        assert!(line > 1 && code.lines().count() > 2 && !code.contains("// end"), "{}", card.id);
    }
}

#[tokio::test]
async fn a_notice_is_posted_found_changed_and_taken_down() {
    let (_directory, client) = showcase();
    sign_in(&client, "ann").await;
    assert!(client.get("/board/new").send().await.text().contains("Post a notice"));
    let path = post(&client, "A <b>drum</b>").await;
    let found = client.get("/board?q=drum").send().await;
    assert!(found.text().contains("A &lt;b&gt;drum&lt;&#x2f;b&gt;"), "{}", found.text());

    let csrf = token(&client).await;
    let form = [("csrf", csrf.as_str()), ("title", "A drum kit"), ("text", "Loud."), ("topic", "wanted")];
    assert_eq!(client.post(&format!("{path}/edit")).form(&form).send().await.status(), 303);
    assert!(client.get(&path).send().await.text().contains("A drum kit"));

    let form = [("csrf", csrf.as_str())];
    assert_eq!(client.post(&format!("{path}/delete")).form(&form).send().await.status(), 303);
    assert_eq!(client.get(&path).send().await.status(), 404);
}

#[tokio::test]
async fn only_the_author_changes_a_notice() {
    let (_directory, client) = showcase();
    let stranger = client.get("/board/3/edit").send().await;
    assert_eq!(stranger.header("location"), Some("/sign-in?next=/board/3/edit"));
    sign_in(&client, "Ben").await;
    assert_eq!(client.get("/board/3/edit").send().await.status(), 403);
    let csrf = token(&client).await;
    let answer = client.post("/board/3/delete").form(&[("csrf", &csrf)]).send().await;
    assert_eq!(answer.status(), 403);
    assert_eq!(client.get("/board/3").send().await.status(), 200);
}

#[tokio::test]
async fn a_form_without_the_token_changes_nothing() {
    let (_directory, client) = showcase();
    sign_in(&client, "Ann").await;
    let form = [("title", "Spam"), ("text", "Spam."), ("topic", "wanted")];
    assert_eq!(client.post("/board").form(&form).send().await.status(), 403);
    assert_eq!(client.post("/board/3/delete").form(&[("csrf", "guessed")]).send().await.status(), 403);
}

#[tokio::test]
async fn signing_in_gives_the_session_another_identifier() {
    let (_directory, client) = showcase();
    client.get("/board").send().await;
    let before = client.cookie("SHOWCASE").expect("a session");
    sign_in(&client, "Cleo").await;
    assert_ne!(client.cookie("SHOWCASE").expect("the session"), before);
}

#[tokio::test]
async fn all_notices_can_be_exported() {
    let (_directory, client) = showcase();
    let csv = client.get("/board/export.csv").send().await;
    assert_eq!(csv.text().lines().count(), 6);
    let notices: Vec<serde_json::Value> =
        client.get("/board/export.json").send().await.json().expect("a list of notices");
    assert_eq!(notices.len(), 5);
}

#[tokio::test]
async fn a_picture_that_is_none_is_refused() {
    let (_directory, client) = showcase();
    sign_in(&client, "Ann").await;
    let csrf = token(&client).await;
    let field = |name: &str, value: &str| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let file = "--x\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"a.svg\"\r\n\r\n<svg/>\r\n--x--\r\n";
    let body =
        [field("csrf", &csrf), field("title", "T"), field("text", "t"), field("topic", "found")].concat();
    let answer = client
        .post("/board")
        .header("Content-Type", "multipart/form-data; boundary=x")
        .body(body + file)
        .send()
        .await;
    assert_eq!(answer.status(), 400, "{}", answer.text());
}
