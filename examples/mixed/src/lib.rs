//! The part of the application that is written in Rust: the Python module `mixed`.

use serde_json::{Value, json};
use vernal::prelude::*;

/// Counts how often the visitor has been here, in either language.
#[route("/visits")]
async fn visits(session: Session) -> vernal::Result<Value> {
    let visits = session.get::<u64>("visits").unwrap_or_default() + 1;
    session.set("visits", visits)?;
    Ok(json!({ "language": "Rust", "visits": visits, "name": session.get::<String>("name") }))
}

/// Something that is slow in Python: how many primes there are below `limit`.
#[route("/primes")]
fn primes(#[default(100_000)] limit: usize) -> vernal::Result<String> {
    if limit > 10_000_000 {
        return Err(HttpError::bad_request("limit should be at most 10,000,000").into());
    }
    let mut is_prime = vec![true; limit];
    is_prime.iter_mut().take(2).for_each(|is_prime| *is_prime = false);
    let mut number = 2;
    while number * number < limit {
        if is_prime[number] {
            is_prime[number * number..].iter_mut().step_by(number).for_each(|multiple| *multiple = false);
        }
        number += 1;
    }
    Ok(is_prime.into_iter().filter(|is_prime| *is_prime).count().to_string())
}

fn mixed() -> Server {
    Server::new()
}

vernal_python::export!(mixed);
