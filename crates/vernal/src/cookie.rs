//! Cookies of requests and responses (RFC 6265, in the spelling of `spec/04` section 1).

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{COOKIE, HeaderValue};

use crate::{Headers, Result};

#[cfg(test)]
mod tests;

/// Pairs read from one request; what comes after them is not looked at. Browsers stop at 180 for each site.
const MAX_COOKIES: usize = 200;

/// The last second that an HTTP date can express: 9999-12-31 23:59:59.
const LAST_DATE: Duration = Duration::from_secs(253_402_300_799);

/// A small text that the client keeps and sends back: a name, a value and, in a response, its attributes.
///
/// Nothing is checked until the response leaves: see [`to_header`](Cookie::to_header).
///
/// ```
/// use vernal::{Cookie, SameSite};
///
/// let cookie = Cookie::new("flavour", "dark chocolate").path("/").http_only(true).same_site(SameSite::Lax);
/// assert_eq!(cookie.to_header()?, "flavour=\"dark chocolate\"; HttpOnly; Path=/; SameSite=Lax");
/// # Ok::<(), vernal::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    name: String,
    value: String,
    domain: Option<String>,
    expires: Option<SystemTime>,
    http_only: bool,
    max_age: Option<Duration>,
    path: Option<String>,
    same_site: Option<SameSite>,
    secure: bool,
}

/// With which requests of other sites a cookie is sent (RFC 6265bis section 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// With none: not even when a link from elsewhere is followed.
    Strict,
    /// With links that are followed, not with forms, images and scripts of other sites.
    Lax,
    /// With all. Browsers accept it only together with [`Cookie::secure`].
    None,
}

impl Cookie {
    /// A cookie without attributes: for this host, this directory and until the browser is closed.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Cookie {
            name: name.into(),
            value: value.into(),
            domain: None,
            expires: None,
            http_only: false,
            max_age: None,
            path: None,
            same_site: None,
            secure: false,
        }
    }

    /// Tells the client to forget a cookie: it has expired in 1970. Path and domain have to be those it was set with.
    ///
    /// ```
    /// use vernal::Cookie;
    ///
    /// let gone = Cookie::removal("flavour").path("/").to_header()?;
    /// assert_eq!(gone, "flavour=; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/");
    /// # Ok::<(), vernal::Error>(())
    /// ```
    pub fn removal(name: impl Into<String>) -> Self {
        Cookie::new(name, "").into_removal()
    }

    /// The paths under which it is sent back; the directory of the request by default.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// The domain to which, with its subdomains, it is sent back; only the host of the request by default.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// How long the client keeps it, in whole seconds; it has precedence over [`expires`](Cookie::expires).
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// Until when the client keeps it. Times before 1970 or after 9999 are sent as the nearest that can be written.
    pub fn expires(mut self, expires: SystemTime) -> Self {
        self.expires = Some(expires);
        self
    }

    /// Whether it travels over TLS only; false by default.
    pub fn secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    /// Whether it is hidden from scripts; false by default.
    pub fn http_only(mut self, http_only: bool) -> Self {
        self.http_only = http_only;
        self
    }

    /// With which requests of other sites it is sent; not said by default, which browsers take as [`SameSite::Lax`].
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = Some(same_site);
        self
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value, without quotes and escapes.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The value of a `Set-Cookie` field.
    ///
    /// A value with other characters than those of a token and `:` is put between double quotes, with octal escapes
    /// for control characters, `,`, `;` and everything outside ASCII, as Python's `SimpleCookie` does.
    ///
    /// # Errors
    ///
    /// The name is not a token of RFC 9110, or an attribute contains `;` or a control character: such text would
    /// add attributes or, with a line break, whole header fields.
    ///
    /// ```
    /// use vernal::Cookie;
    ///
    /// assert_eq!(Cookie::new("q", "needs quoting; yes").to_header()?, r#"q="needs quoting\073 yes""#);
    ///
    /// let error = Cookie::new("q", "1").path("/\r\nX-Evil: 1").to_header().unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     r#"cookie "q" cannot be sent: its Path "/\r\nX-Evil: 1" contains `;` or a control character"#
    /// );
    /// # Ok::<(), vernal::Error>(())
    /// ```
    pub fn to_header(&self) -> Result<HeaderValue> {
        if !is_token(self.name.as_bytes()) {
            return Err(
                InvalidCookie::new(&self.name, "its name is not a token (RFC 9110 section 5.6.2)").into()
            );
        }
        for (attribute, text) in [("Domain", &self.domain), ("Path", &self.path)] {
            if let Some(text) =
                text.as_ref().filter(|text| text.contains(|c: char| c == ';' || c.is_control()))
            {
                let reason = format!("its {attribute} {text:?} contains `;` or a control character");
                return Err(InvalidCookie::new(&self.name, reason).into());
            }
        }
        Ok(HeaderValue::try_from(self.to_string())?)
    }

    /// The same cookie under another name.
    pub(crate) fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The same cookie with another value.
    pub(crate) fn with_value(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }

    /// The cookie that makes the client forget this one.
    pub(crate) fn into_removal(self) -> Self {
        self.with_value("").expires(UNIX_EPOCH).max_age(Duration::ZERO)
    }

    /// One `name=value` of a `Cookie` field; `None` if it isn't one.
    ///
    /// `$Version` and the like are attributes of the obsolete RFC 2965, not cookies.
    fn parse(pair: &[u8]) -> Option<Cookie> {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (pair[..equals].trim_ascii(), pair[equals + 1..].trim_ascii());
        if !is_token(name) || name.starts_with(b"$") || value.iter().any(u8::is_ascii_control) {
            return None;
        }
        Some(Cookie::new(text(name.into()), text(unquoted(value))))
    }
}

/// The cookie as in a `Set-Cookie` field; unlike [`Cookie::to_header`] it is not checked.
impl fmt::Display for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, quoted(&self.value))?;
        if let Some(domain) = &self.domain {
            write!(f, "; Domain={domain}")?;
        }
        if let Some(expires) = self.expires {
            let since_epoch = expires.duration_since(UNIX_EPOCH).unwrap_or_default().min(LAST_DATE);
            write!(f, "; expires={}", httpdate::fmt_http_date(UNIX_EPOCH + since_epoch))?;
        }
        if self.http_only {
            f.write_str("; HttpOnly")?;
        }
        if let Some(max_age) = self.max_age {
            write!(f, "; Max-Age={}", max_age.as_secs())?;
        }
        if let Some(path) = &self.path {
            write!(f, "; Path={path}")?;
        }
        if let Some(same_site) = self.same_site {
            write!(f, "; SameSite={same_site:?}")?;
        }
        if self.secure {
            f.write_str("; Secure")?;
        }
        Ok(())
    }
}

/// Why a cookie could not be sent.
#[derive(Debug)]
struct InvalidCookie {
    name: String,
    reason: Cow<'static, str>,
}

impl InvalidCookie {
    fn new(name: &str, reason: impl Into<Cow<'static, str>>) -> Self {
        InvalidCookie { name: name.to_owned(), reason: reason.into() }
    }
}

impl fmt::Display for InvalidCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cookie {:?} cannot be sent: {}", self.name, self.reason)
    }
}

impl std::error::Error for InvalidCookie {}

/// Cookies in their order, one of each name: those of a request, or those that an answer sets.
///
/// ```
/// use vernal::{Cookie, Cookies};
///
/// let mut cookies = Cookies::from([("flavour", "chocolate"), ("size", "big")]);
/// cookies.insert(Cookie::new("size", "small").path("/"));
/// assert_eq!(cookies.get("size").map(Cookie::value), Some("small"));
/// assert_eq!(cookies.len(), 2);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cookies {
    cookies: Vec<Cookie>,
}

impl Cookies {
    /// No cookies.
    pub fn new() -> Self {
        Cookies::default()
    }

    /// The cookies of a request: of all its `Cookie` fields, the first two hundred.
    ///
    /// A malformed pair is passed over and the others stay (`spec/08` A43). A quoted value ends at the next `;` all
    /// the same: if quotes could hide one, whoever controls a cookie could swallow those that follow it.
    pub(crate) fn parse(headers: &Headers) -> Self {
        let fields = headers.as_map().get_all(COOKIE).iter();
        fields
            .flat_map(|field| field.as_bytes().split(|byte| *byte == b';'))
            .filter_map(Cookie::parse)
            .take(MAX_COOKIES)
            .collect()
    }

    /// The cookie of this name. Names compare with regard to case. Of several in one request it is the last.
    pub fn get(&self, name: &str) -> Option<&Cookie> {
        self.cookies.iter().find(|cookie| cookie.name == name)
    }

    /// Adds a cookie; one of the same name is replaced.
    pub fn insert(&mut self, cookie: Cookie) {
        match self.cookies.iter_mut().find(|other| other.name == cookie.name) {
            Some(other) => *other = cookie,
            None => self.cookies.push(cookie),
        }
    }

    /// All cookies, in the order in which their names came.
    pub fn iter(&self) -> std::slice::Iter<'_, Cookie> {
        self.cookies.iter()
    }

    /// The number of cookies.
    pub fn len(&self) -> usize {
        self.cookies.len()
    }

    /// Whether there is no cookie.
    pub fn is_empty(&self) -> bool {
        self.cookies.is_empty()
    }
}

impl Extend<Cookie> for Cookies {
    fn extend<I: IntoIterator<Item = Cookie>>(&mut self, cookies: I) {
        for cookie in cookies {
            self.insert(cookie);
        }
    }
}

impl FromIterator<Cookie> for Cookies {
    fn from_iter<I: IntoIterator<Item = Cookie>>(cookies: I) -> Self {
        let mut all = Cookies::new();
        all.extend(cookies);
        all
    }
}

impl<N: Into<String>, V: Into<String>, const LENGTH: usize> From<[(N, V); LENGTH]> for Cookies {
    fn from(pairs: [(N, V); LENGTH]) -> Self {
        pairs.into_iter().map(|(name, value)| Cookie::new(name, value)).collect()
    }
}

impl IntoIterator for Cookies {
    type Item = Cookie;
    type IntoIter = std::vec::IntoIter<Cookie>;

    fn into_iter(self) -> Self::IntoIter {
        self.cookies.into_iter()
    }
}

impl<'a> IntoIterator for &'a Cookies {
    type Item = &'a Cookie;
    type IntoIter = std::slice::Iter<'a, Cookie>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_token_byte)
}

/// `tchar` of RFC 9110 section 5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The value as Python's `http.cookies` writes it: as it is, or between quotes with octal escapes.
fn quoted(value: &str) -> Cow<'_, str> {
    if value.bytes().all(|byte| is_token_byte(byte) || byte == b':') {
        return Cow::Borrowed(value);
    }
    let mut text = String::with_capacity(value.len() + 2);
    text.push('"');
    for byte in value.bytes() {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
            _ if is_token_byte(byte) || b": ()/<=>?@[]{}".contains(&byte) => text.push(char::from(byte)),
            _ => write!(text, "\\{byte:03o}").unwrap_or_default(), // writing to a String cannot fail
        }
    }
    text.push('"');
    Cow::Owned(text)
}

/// The reverse of [`quoted`]; a backslash without an octal number stands for the character after it.
fn unquoted(value: &[u8]) -> Vec<u8> {
    let Some(mut rest) = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) else {
        return value.to_vec();
    };
    let mut bytes = Vec::with_capacity(rest.len());
    loop {
        rest = match rest {
            [b'\\', high @ b'0'..=b'3', middle @ b'0'..=b'7', low @ b'0'..=b'7', rest @ ..] => {
                bytes.push((high - b'0') << 6 | (middle - b'0') << 3 | (low - b'0'));
                rest
            }
            [b'\\', byte, rest @ ..] | [byte, rest @ ..] => {
                bytes.push(*byte);
                rest
            }
            [] => return bytes,
        }
    }
}

/// UTF-8 where it is that, else Latin-1: the reference wrote `\344` for an `ä`.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| error.as_bytes().iter().copied().map(char::from).collect())
}

/// Panics unless the cookies of this field are at most as many and as long as they may be, are written so that they
/// are read again, and hide no cookie beside them: for the property test and for `fuzz/`.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn check(field: &HeaderValue) {
    let read = |field: HeaderValue| {
        let mut headers = Headers::new();
        headers.as_map_mut().append(COOKIE, field);
        Cookies::parse(&headers)
    };
    let cookies = read(field.clone());
    assert!(cookies.len() <= MAX_COOKIES);
    // a byte of Latin-1 becomes two
    let length: usize = cookies.iter().map(|cookie| cookie.name.len() + cookie.value.len()).sum();
    assert!(length <= 2 * field.len());
    let written: Vec<_> = cookies.iter().map(Cookie::to_string).collect();
    assert!(cookies.iter().all(|cookie| cookie.to_header().is_ok()));
    let written = HeaderValue::try_from(written.join("; ")).expect("what is written is a field");
    assert_eq!(read(written), cookies);
    let beside = [field.as_bytes(), b"; beside=it"].concat();
    if beside.iter().filter(|byte| **byte == b';').count() < MAX_COOKIES {
        let all = read(HeaderValue::try_from(beside).expect("two fields are a field"));
        assert_eq!(all.get("beside").map(Cookie::value), Some("it"));
        assert!(
            cookies.iter().all(|cookie| cookie.name == "beside" || all.get(&cookie.name) == Some(cookie))
        );
    }
}
