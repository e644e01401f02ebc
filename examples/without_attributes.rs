//! The same framework without any attribute: closures, and a builder that says what is where.
//!
//! ```sh
//! cargo run -p vernal --example without_attributes
//! curl http://127.0.0.1:9090/hello/Ada
//! curl -d 'some text' http://127.0.0.1:9090/size
//! curl http://127.0.0.1:9090/nowhere
//! ```

use vernal::controller::{self, Answer};
use vernal::filter::{self, FilterContext, FilterPattern};
use vernal::prelude::*;
use vernal::{IntoResponse, Route};

fn main() -> vernal::Result<()> {
    vernal::logger::init()?;
    let hello = controller::from_fn(|request: &Request| {
        format!("Hello, {}!\n", request.path_value("name").unwrap_or_default())
    });
    let size = controller::from_async_fn(|request: &Request| {
        Box::pin(async move { Ok::<_, HttpError>(format!("{} bytes\n", request.bytes().await?.len())) })
    });
    let mark = filter::from_fn(|ctx: &mut FilterContext| {
        Box::pin(async move {
            ctx.do_chain().await?;
            ctx.response.headers.insert("X-Seen", "yes");
            Ok(())
        })
    });
    Server::new()
        .declare(|app| {
            app.route(Route::path("/hello/{name}").method("GET"), hello)
                .route(Route::path("/size").method("POST, PUT"), size)
                .filter(FilterPattern::path("/hello/*"), mark)
                .error_page(&["404"], |error, request| {
                    let text = format!("{} at {}\n", error.message, request.path());
                    Answer::Ready(text.into_response())
                })
        })
        .start()
}
