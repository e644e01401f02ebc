//! Apps within an app: each has all paths below a prefix to itself.

use std::borrow::Cow;
use std::sync::Arc;

use http::Uri;
use http::uri::PathAndQuery;

use crate::app::{App, Builder};
use crate::request::Request;

/// The apps that are mounted, those with the longest prefixes first.
#[derive(Default)]
pub(crate) struct Mounts(Vec<(String, App)>);

impl Builder {
    /// Gives another app all paths below this prefix: `/shop`, for `/shop` itself, `/shop/` and `/shop/baskets/3`.
    ///
    /// It sees the rest of the path (`/`, `/`, `/baskets/3`) and answers as it would alone, WebSockets, errors and sessions
    /// included: of this app no route, no filter, no error page is asked, and no setting but those of the connection. Two
    /// that are to have their sessions in common are given the same [store](Builder::session_store) and the same
    /// [cookie](Builder::session). What it was mounted at is [`Request::prefix`].
    ///
    /// A prefix begins with `/`, does not end with one, and has only letters, digits and `-._~` between them.
    ///
    /// ```
    /// use vernal::testing::Client;
    /// use vernal::{App, Request, Route, controller};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> vernal::Result<()> {
    /// let path = controller::from_fn(|request: &Request| format!("{} in {}", request.path(), request.prefix()));
    /// let shop = App::builder().route(Route::path("/**"), path).build()?;
    /// let app = App::builder().mount("/shop", shop).build()?;
    /// assert_eq!(Client::new(app).get("/shop/baskets/3").send().await.text(), "/baskets/3 in /shop");
    /// # Ok(())
    /// # }
    /// ```
    pub fn mount(mut self, prefix: impl Into<String>, app: App) -> Self {
        let prefix = prefix.into();
        if !is_prefix(&prefix) {
            self.mistakes.push(format!(
                "the prefix {prefix:?} of a mount should begin with /, not end with it, and have only letters, digits \
                 and -._~ besides"
            ));
        } else if self.mounts.0.iter().any(|(other, _)| *other == prefix) {
            self.mistakes.push(format!("two apps are mounted at {prefix}"));
        }
        self.mounts.0.push((prefix, app));
        self.mounts.0.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        self
    }
}

/// Paths are compared as they come, so a prefix has nothing that could be spelled in two ways.
fn is_prefix(prefix: &str) -> bool {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~');
    prefix.len() > 1
        && prefix.starts_with('/')
        && !prefix.ends_with('/')
        && !prefix.contains("//")
        && prefix.bytes().all(is_plain)
}

impl App {
    /// The mounted app that this request is for, to which it belongs then; none where it is for this one.
    pub(crate) fn enter(&self, request: &mut Request) -> Option<App> {
        let Mounts(mounts) = self.mounts();
        if mounts.is_empty() {
            return None;
        }
        let target = request.uri().path_and_query()?.as_str();
        let (prefix, app, rest) =
            mounts.iter().find_map(|(prefix, app)| Some((prefix, app, below(target, prefix)?)))?;
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::try_from(&*rest).ok()?);
        let uri = Uri::from_parts(parts).ok()?;
        let connection = request.connection()?.mounted(app.clone(), prefix);
        request.set_uri(uri);
        request.set_connection(Arc::new(connection));
        Some(app.enter(request).unwrap_or_else(|| app.clone()))
    }

    /// Whether there is anything that a WebSocket could reach.
    #[cfg(all(feature = "websocket", feature = "http2"))]
    pub(crate) fn has_endpoints(&self) -> bool {
        !self.endpoints().is_empty() || self.mounts().0.iter().any(|(_, app)| app.has_endpoints())
    }
}

/// The rest of a target, which begins with `/`.
fn below<'t>(target: &'t str, prefix: &str) -> Option<Cow<'t, str>> {
    let rest = target.strip_prefix(prefix)?;
    match rest.as_bytes().first() {
        Some(b'/') => Some(Cow::Borrowed(rest)),
        None | Some(b'?') => Some(Cow::Owned(format!("/{rest}"))),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_where_a_segment_does() {
        assert_eq!(below("/shop", "/shop").as_deref(), Some("/"));
        assert_eq!(below("/shop?a=1", "/shop").as_deref(), Some("/?a=1"));
        assert_eq!(below("/shop/a?b=/", "/shop").as_deref(), Some("/a?b=/"));
        assert_eq!(below("/shopping", "/shop"), None);
        assert_eq!(below("/", "/shop"), None);
    }

    #[test]
    fn a_prefix_is_spelled_in_one_way() {
        assert!(is_prefix("/shop") && is_prefix("/a-b/c.d_e~9"));
        for wrong in
            ["", "/", "shop", "/shop/", "//shop", "/a//b", "/a b", "/%61", "/{a}", "/*", "/é", "/a?b"]
        {
            assert!(!is_prefix(wrong), "{wrong}");
        }
    }
}
