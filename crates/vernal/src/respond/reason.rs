//! The words behind the status code, where they are not the standard ones.

use crate::respond::Response;

/// A reason phrase other than the standard one of the status code (RFC 9112 section 4), among the extensions of the
/// response that [`App::handle`](crate::App::handle) answers with. The server sends it over HTTP/1.1; HTTP/2 has none.
///
/// ```
/// use vernal::respond::Reason;
/// use vernal::{App, Request};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> vernal::Result<()> {
/// let answer = App::builder().build()?.handle(Request::new("GET", "/nowhere")).await;
/// let reason = answer.extensions().get::<Reason>().map(Reason::as_bytes);
/// assert_eq!(reason, Some(&b"Controller Not Found"[..]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(Box<[u8]>);

impl Reason {
    /// The text without its control characters, which could split the answer; none where it has characters beyond
    /// ISO 8859-1, since clients disagree on what others would mean (`spec/08` A37).
    pub(crate) fn new(text: &str) -> Option<Reason> {
        let kept = text.chars().filter(|character| !character.is_control());
        kept.map(|character| u8::try_from(character).ok()).collect::<Option<_>>().map(Reason)
    }

    /// The phrase in ISO 8859-1; it may be empty.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Response {
    /// Sets the words behind the status code on the wire, which only HTTP/1.1 has: ISO 8859-1, of which control
    /// characters are left out. The standard phrase of the code is sent without this call, and for a text with other
    /// characters.
    ///
    /// ```
    /// use vernal::Response;
    ///
    /// let response = Response::new(200).reason("Fine"); // HTTP/1.1 200 Fine
    /// ```
    pub fn reason(mut self, phrase: &str) -> Self {
        self.reason = Reason::new(phrase);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_fits_on_a_status_line_is_a_reason() {
        let bytes = |text| Reason::new(text).map(|reason| reason.as_bytes().to_vec());
        assert_eq!(bytes("No Way"), Some(b"No Way".to_vec()));
        assert_eq!(bytes(""), Some(Vec::new()));
        assert_eq!(bytes("a\r\nX: 1\0\u{85}"), Some(b"aX: 1".to_vec()));
        assert_eq!(bytes("désolé, 100%"), Some(b"d\xe9sol\xe9, 100%".to_vec()));
        assert_eq!(bytes("中"), None);
    }
}
