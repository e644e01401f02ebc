//! Where an argument's value comes from: the path, the parameters, header fields, cookies, a regular expression.
//!
//! ```sh
//! cargo run -p vernal --example arguments
//! curl -H 'User-Token: t-1' -b sc=blue 'http://127.0.0.1:9090/people/Ada?age=36&skills=math&skills=poetry'
//! curl -d 'age=young' http://127.0.0.1:9090/people/Ada
//! curl http://127.0.0.1:9090/archive/2026-11.txt
//! curl 'http://127.0.0.1:9090/all?a=1&a=2&b=3'
//! ```

use vernal::prelude::*;

#[route("/people/{name}", method = ["GET", "POST"])]
async fn person(
    name: String,
    #[default(18)] age: u8,
    skills: Vec<String>,
    nick_name: Option<String>,
    #[header] user_token: Option<String>,
    #[header("User-Agent")] agent: String,
    #[cookie("sc")] colour: Option<String>,
) -> Value {
    json!({"name": name, "age": age, "skills": skills, "nick_name": nick_name, "token": user_token,
           "agent": agent, "colour": colour})
}

#[route(regexp = r"^/archive/(\d{4})-(\d{2})\.txt$")]
async fn archive(#[group(0)] year: u16, #[group(1)] month: u8) -> String {
    format!("the notices of month {month} of {year}\n")
}

#[route("/all")]
async fn all(params: Params, headers: Headers, request: &Request) -> Value {
    json!({"params": params, "fields": headers.len(), "route": request.route()})
}

fn main() -> vernal::Result<()> {
    vernal::logger::init()?;
    Server::new().start()
}
