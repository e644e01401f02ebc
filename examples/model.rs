//! Several values as one argument: a parameter object, a JSON body, a type with a binding of its own.
//!
//! ```sh
//! cargo run -p vernal --example model
//! curl 'http://127.0.0.1:9090/person?name=Ada&age=36'
//! curl 'http://127.0.0.1:9090/filter?word=rust&limit=5'
//! curl -H 'Content-Type: application/json' -d '{"item": "tea", "count": 2}' http://127.0.0.1:9090/orders
//! curl 'http://127.0.0.1:9090/distance?from=0,0&to=3,4'
//! ```

use serde::{Deserialize, Serialize};
use vernal::prelude::*;

/// Its fields are bound as arguments are, with the same attributes.
#[derive(vernal::Model, Serialize)]
struct Person {
    name: String,
    age: u8,
    #[default("unknown")]
    city: String,
}

#[route("/person")]
async fn person(person: Person) -> Json<Person> {
    Json(person)
}

/// A type that only has serde's `Deserialize` is read from the parameters as `Model<T>`.
#[derive(Deserialize)]
struct Filter {
    word: String,
    limit: Option<usize>,
}

#[route("/filter")]
async fn filter(filter: Model<Filter>) -> String {
    format!("{} × {}\n", filter.limit.unwrap_or(10), filter.word)
}

#[derive(Deserialize, Serialize)]
struct Order {
    item: String,
    count: u32,
}

#[route("/orders", method = "POST")]
async fn order(order: Json<Order>) -> (u16, Json<Order>) {
    (201, order)
}

struct Point(f64, f64);

impl FromRequest for Point {
    async fn from_request(request: &Request, param: &Param) -> Result<Self> {
        let wrong = || HttpError::bad_request(format!("Parameter[{}] should be two numbers.", param.name));
        let (x, y) = request.param(&param.name).and_then(|text| text.split_once(',')).ok_or_else(wrong)?;
        Ok(Point(x.parse().map_err(|_| wrong())?, y.parse().map_err(|_| wrong())?))
    }
}

#[route("/distance")]
async fn distance(from: Point, to: Point) -> String {
    format!("{}\n", (to.0 - from.0).hypot(to.1 - from.1))
}

fn main() -> vernal::Result<()> {
    vernal::logger::init()?;
    Server::new().start()
}
