//! Structs as arguments: `#[derive(Model)]`, whose fields bind like arguments, and `Model<T>`, read by serde.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use vernal::prelude::*;
use vernal::testing::Client;

fn client() -> Client {
    let app = Server::new().scan(module_path!()).manage(Greeting("hi")).build();
    Client::new(app.unwrap_or_else(|error| panic!("{error}")))
}

struct Greeting(&'static str);

#[derive(Model, Serialize)]
struct Person {
    name: String,
    #[default("secret")]
    sex: String,
    age: u32,
    nick_name: Option<String>,
    skills: Vec<String>,
}

#[route("/person", method = ["GET", "POST"])]
fn person(person: Person) -> Json<Person> {
    Json(person)
}

#[derive(Model)]
struct Context {
    #[header]
    user_agent: Option<String>,
    #[cookie("sc")]
    crumb: Option<String>,
    #[path_value]
    id: u64,
    #[param("passwd")]
    password: String,
    session: Session,
    greeting: State<Greeting>,
}

#[route("/context/{id}")]
fn context(context: Context, #[default(1)] page: u32) -> String {
    let Context { user_agent, crumb, id, password, session, greeting } = context;
    format!("{user_agent:?} {crumb:?} {id} {password} {} {} {page}", session.is_new(), greeting.0)
}

#[derive(Model)]
struct Upload {
    picture: MultipartFile,
    owner: Person,
}

#[route("/upload", method = "POST")]
async fn upload(upload: Upload) -> String {
    format!("{} by {}", upload.picture.filename(), upload.owner.name)
}

#[derive(Model)]
struct Note {
    text: Json<Value>,
    #[header]
    author: Option<String>,
}

#[route("/note", method = "POST")]
fn note(note: Note) -> String {
    format!("{} {:?}", note.text.0, note.author)
}

#[derive(Deserialize, Serialize)]
struct Search {
    words: Vec<String>,
    #[serde(default)]
    page: u32,
    order: Option<Order>,
    #[serde(default)]
    exact: bool,
    filter: Option<HashMap<String, u8>>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Order {
    Newest,
    Oldest,
}

#[route("/search", method = ["GET", "POST"])]
async fn search(search: Model<Search>) -> Json<Search> {
    Json(search.0)
}

#[route("/bag")]
fn bag(bag: Model<HashMap<String, Vec<String>>>) -> String {
    let mut names: Vec<_> =
        bag.0.into_iter().map(|(name, values)| format!("{name}={}", values.join("+"))).collect();
    names.sort();
    names.join(" ")
}

#[tokio::test]
async fn fields_are_bound_like_arguments() {
    let client = client();
    let answer = client.get("/person?name=keijack&age=30&skills=a&skills=b").send().await;
    let expected =
        json!({"name": "keijack", "sex": "secret", "age": 30, "nick_name": null, "skills": ["a", "b"]});
    assert_eq!(answer.json::<Value>().expect("JSON"), expected);
    let answer = client.post("/person").form(&[("name", "n"), ("age", "1"), ("sex", "male")]).send().await;
    assert_eq!(answer.json::<Value>().expect("JSON")["sex"], "male");
}

#[tokio::test]
async fn a_field_that_is_missing_or_wrong_is_named() {
    let client = client();
    for (target, message, explain) in [
        ("/person?age=1", "Missing Parameter", "Parameter[name] is required."),
        ("/person?name=n", "Missing Parameter", "Parameter[age] is required."),
        ("/person?name=n&age=old", "Bad Request", "Parameter[age] should be an int."),
    ] {
        let answer = client.get(target).send().await;
        assert_eq!(answer.status(), 400);
        assert_eq!(
            answer.json::<Value>().expect("JSON"),
            json!({"code": 400, "message": message, "explain": explain})
        );
    }
}

#[tokio::test]
async fn fields_may_come_from_everywhere_in_the_request() {
    let client = client();
    let call = client.get("/context/7?passwd=p&page=2").header("User-Agent", "a").header("Cookie", "sc=c");
    assert_eq!(call.send().await.text(), r#"Some("a") Some("c") 7 p true hi 2"#);
}

#[tokio::test]
async fn a_model_may_hold_a_model_a_file_or_the_body() {
    let client = client();
    let form = "--X\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"p.png\"\r\n\r\npng\r\n\
                --X\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nme\r\n\
                --X\r\nContent-Disposition: form-data; name=\"age\"\r\n\r\n3\r\n--X--\r\n";
    let call = client.post("/upload").header("Content-Type", "multipart/form-data; boundary=X").body(form);
    assert_eq!(call.send().await.text(), "p.png by me");
    let answer = client.post("/note").header("author", "me").json(&json!({"a": 1})).send().await;
    assert_eq!(answer.text(), r#"{"a":1} Some("me")"#);
}

#[tokio::test]
async fn a_type_that_only_serde_knows_is_read_from_the_parameters() {
    let client = client();
    let answer =
        client.get("/search?words=a&words=b&page=2&order=newest&exact=0&filter=%7B%22k%22:1%7D&other=1");
    let expected =
        json!({"words": ["a", "b"], "page": 2, "order": "newest", "exact": false, "filter": {"k": 1}});
    assert_eq!(answer.send().await.json::<Value>().expect("JSON"), expected);
    let answer = client.post("/search?words=q").form(&[("words", "f")]).send().await;
    assert_eq!(answer.json::<Value>().expect("JSON")["words"], json!(["f", "q"]));
    assert_eq!(client.get("/bag?b=3&a=1&a=2").send().await.text(), "a=1+2 b=3");
}

#[tokio::test]
async fn what_serde_cannot_read_is_named() {
    let client = client();
    for (target, message, explain) in [
        ("/search", "Missing Parameter", "Parameter[words] is required."),
        ("/search?words=a&page=x", "Bad Request", "Parameter[page] should be an int."),
        ("/search?words=a&order=x", "Bad Request", "Parameter[order] should be one of newest, oldest."),
        ("/search?words=a&filter=x", "Bad Request", "Parameter[filter] should be a JSON string."),
    ] {
        let answer = client.get(target).send().await;
        assert_eq!(
            answer.json::<Value>().expect("JSON"),
            json!({"code": 400, "message": message, "explain": explain}),
            "{target}"
        );
    }
}
