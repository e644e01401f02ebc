//! What a function may ask for.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use vernal::prelude::*;

use super::card::{Card, JSON, Section, Source, get, post, request};

const SOURCE: Source = Source { path: "src/tour/arguments.rs", text: include_str!("arguments.rs") };

const MULTIPART: &[(&str, &str)] = &[("Content-Type", "multipart/form-data; boundary=leaf")];

pub(crate) const SECTION: Section = Section {
    id: "arguments",
    title: "Arguments",
    about: "The argument's name says which value, its type says how it is read, an attribute on it says where else \
            to look.",
    cards: &[
        Card {
            id: "plain",
            title: "Path values and parameters",
            about: "Named in the path: a path value. Anything else: a parameter of the query or of a form. What is \
                    missing or cannot be read is a 400 that names it.",
            code: SOURCE.show("plain"),
            tries: &[
                get("/tour/person/Ann?nick=annie&age=30&skills=rust&skills=tea&levels=3&levels=5")
                    .says("\"age\":30"),
                get("/tour/person/Ben").says("\"age\":16"),
                post("/tour/person/Cleo", "age=41&member=false&skills=form").says("\"member\":false"),
                get("/tour/person/Dan?age=old").answers(400).says("Parameter[age] should be"),
                get("/tour/person/Dan?levels=1&levels=high").answers(400).says("levels"),
                get("/tour/needs").answers(400).says("Parameter[wish] is required."),
            ],
        },
        Card {
            id: "sources",
            title: "Other names and other places",
            about: "<code>#[param]</code>, <code>#[header]</code>, <code>#[cookie]</code>, <code>#[path]</code>. \
                    (The cookie comes from the first request.)",
            code: SOURCE.show("sources"),
            tries: &[
                get("/tour/taste/honey").says("honey it is"),
                get("/tour/sources/7?passwd=secret").with(&[("User-Token", "t-1")]).says("\"token\":\"t-1\""),
                get("/tour/sources/seven?passwd=x").answers(400).says("PathValue[id]"),
                get("/tour/sources/7").answers(400).says("Parameter[passwd] is required."),
            ],
        },
        Card {
            id: "everything",
            title: "All of them at once",
            about: "All header fields, cookies or parameters; and the request itself.",
            code: SOURCE.show("everything"),
            tries: &[
                get("/tour/everything?a=1&a=2&b=3").says("parameters a, b"),
                post("/tour/everything?from=query", "from=form&also=this").says("parameters from, also"),
            ],
        },
        Card {
            id: "json",
            title: "JSON",
            about: "The body, or the text of a parameter. The error says where the reading stopped.",
            code: SOURCE.show("json"),
            tries: &[
                request_json("{\"item\": \"tulip\", \"count\": 12}").answers(201).says("\"count\":12"),
                request_json("{\"item\": \"tulip\", \"count\": \"many\"}").answers(400).says("column"),
                request_json("{\"item\": ").answers(400),
                get("/tour/order?order={\"item\":\"rose\",\"count\":1}").says("1 × rose"),
                get("/tour/order?order=rose").answers(400).says("should be a JSON string"),
            ],
        },
        Card {
            id: "body",
            title: "The body itself",
            about: "Whole, or piece by piece with nothing kept in memory.",
            code: SOURCE.show("body"),
            tries: &[
                request("PUT", "/tour/body").text("some bytes").says("10 bytes"),
                request("PUT", "/tour/body/pieces").text("as they come").says("12 bytes"),
            ],
        },
        Card {
            id: "multipart",
            title: "Uploaded files",
            about: "A file arrives as <code>MultipartFile</code>; large ones wait on the disk, not in memory. Its \
                    name is made safe before it becomes a path. (The body below is what a form sends.)",
            code: SOURCE.show("multipart"),
            tries: &[
                request("POST", "/tour/upload")
                    .with(MULTIPART)
                    .text(
                        "--leaf\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nA leaf\r\n\
                         --leaf\r\nContent-Disposition: form-data; name=\"img\"; filename=\"../leaf.txt\"\r\n\
                         Content-Type: text/plain\r\n\r\ngreen\r\n--leaf--\r\n",
                    )
                    .says("\"saved_as\":\"leaf.txt\""),
                request("POST", "/tour/upload").with(MULTIPART).text("--leaf\r\nno end").answers(400),
            ],
        },
        Card {
            id: "models",
            title: "Parameter objects",
            about: "A struct binds by the same rules as arguments do; one that only has serde's \
                    <code>Deserialize</code> comes as <code>Model&lt;T&gt;</code>.",
            code: SOURCE.show("models"),
            tries: &[
                get("/tour/model?name=Ann&age=30").says("Ann (secret), 30"),
                get("/tour/model?name=Ann").answers(400).says("Parameter[age] is required."),
                get("/tour/model/serde?name=Ben&age=4").says("Ben, 4"),
                get("/tour/model/serde?name=Ben&age=four")
                    .answers(400)
                    .says("Parameter[age] should be an int."),
            ],
        },
        Card {
            id: "own",
            title: "Types of your own",
            about: "One trait, <code>FromRequest</code>. It may take its time, and it may refuse.",
            code: SOURCE.show("own"),
            tries: &[
                get("/tour/distance?from=0,0&to=3,4").says("5"),
                get("/tour/distance?from=0,0&to=there").answers(400).says("to should be two numbers"),
                get("/tour/patient").says("waited"),
            ],
        },
        Card {
            id: "state",
            title: "Values of the server",
            about: "What <code>main</code> gave with <code>.manage(…)</code>. A server that lacks it doesn't start.",
            code: SOURCE.show("state"),
            tries: &[get("/tour/visits").says("visits since the start")],
        },
    ],
};

const fn request_json(body: &'static str) -> super::card::Try {
    request("POST", "/tour/order").with(JSON).text(body)
}

// show: plain
#[route("/tour/person/{name}")]
async fn person(
    name: &str,
    nick: Option<&str>,
    #[default(16)] age: u8,
    #[default(true)] member: bool,
    skills: Vec<String>,
    levels: Vec<i32>,
) -> Value {
    json!({"name": name, "nick": nick, "age": age, "member": member, "skills": skills, "levels": levels})
}

#[route("/tour/needs")]
async fn needs(wish: String) -> String {
    wish
}
// end

// show: sources
#[route("/tour/taste/{taste}")]
async fn taste(taste: &str) -> (Cookie, String) {
    (Cookie::new("taste", taste).path("/tour"), format!("{taste} it is"))
}

#[route("/tour/sources/{id}")]
async fn sources(
    #[path] id: u64,
    #[param("passwd")] password: &str,
    #[header("User-Agent")] agent: Option<&str>,
    #[header] user_token: Option<&str>,
    #[cookie("taste")] taste: Option<Cookie>,
) -> Value {
    let taste = taste.as_ref().map(Cookie::value);
    json!({"id": id, "password": password.len(), "agent": agent, "token": user_token, "taste": taste})
}
// end

// show: everything
#[route("/tour/everything")]
async fn everything(headers: Headers, cookies: Cookies, params: Params, request: &Request) -> String {
    let names: Vec<&str> = params.names().collect();
    let place = format!("{} {:?}", request.path(), request.version());
    format!("{place}: {} headers, {} cookies, parameters {}", headers.len(), cookies.len(), names.join(", "))
}
// end

// show: json
#[derive(Serialize, Deserialize)]
struct Order {
    item: String,
    count: u32,
}

#[route("/tour/order", method = "POST")]
async fn create_order(order: Json<Order>) -> (u16, Json<Order>) {
    (201, order)
}

#[route("/tour/order", method = "GET")]
async fn read_order(#[param] order: Json<Order>) -> String {
    format!("{} × {}", order.count, order.item)
}
// end

// show: body
#[route("/tour/body", method = "PUT")]
async fn whole_body(body: Bytes) -> String {
    format!("{} bytes", body.len())
}

#[route("/tour/body/pieces", method = "PUT")]
async fn body_in_pieces(mut body: BodyReader) -> Result<String> {
    let mut bytes = 0;
    while let Some(piece) = body.chunk().await? {
        bytes += piece.len();
    }
    Ok(format!("{bytes} bytes"))
}
// end

// show: multipart
#[route("/tour/upload", method = "POST")]
async fn upload(img: MultipartFile, title: Option<String>) -> Result<Value> {
    let directory = tempfile::tempdir()?;
    let bytes = img.save_to(directory.path().join(img.safe_filename())).await?;
    Ok(json!({
        "title": title, "called": img.filename(), "saved_as": img.safe_filename(),
        "type": img.content_type(), "bytes": bytes, "on_disk_before": img.is_spooled(),
    }))
}
// end

// show: models
#[derive(vernal::Model)]
struct Person {
    name: String,
    #[default("secret")]
    town: String,
    age: u32,
}

#[route("/tour/model")]
async fn model(person: Person) -> String {
    format!("{} ({}), {}", person.name, person.town, person.age)
}

#[derive(Deserialize)]
struct Child {
    name: String,
    age: u32,
}

#[route("/tour/model/serde")]
async fn model_of_serde(child: Model<Child>) -> String {
    format!("{}, {}", child.name, child.age)
}
// end

// show: own
struct Point(f64, f64);

impl FromRequest for Point {
    async fn from_request(request: &Request, param: &Param) -> Result<Self> {
        let wrong = || HttpError::bad_request(format!("{} should be two numbers: x,y", param.name));
        let (x, y) = request.param(&param.name).and_then(|text| text.split_once(',')).ok_or_else(wrong)?;
        Ok(Point(x.parse().map_err(|_| wrong())?, y.parse().map_err(|_| wrong())?))
    }
}

#[route("/tour/distance")]
async fn distance(from: Point, to: Point) -> String {
    (from.0 - to.0).hypot(from.1 - to.1).to_string()
}

struct Waited(u128);

impl FromRequest for Waited {
    async fn from_request(_: &Request, _: &Param) -> Result<Self> {
        let start = std::time::Instant::now();
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        Ok(Waited(start.elapsed().as_millis()))
    }
}

#[route("/tour/patient")]
async fn patient(waited: Waited) -> String {
    format!("waited {} ms for its argument", waited.0)
}
// end

// show: state
#[derive(Default)]
pub(crate) struct Visits(AtomicU64);

#[route("/tour/visits")]
async fn visits(visits: State<Visits>) -> String {
    format!("{} visits since the start", visits.0.fetch_add(1, Ordering::Relaxed) + 1)
}
// end
