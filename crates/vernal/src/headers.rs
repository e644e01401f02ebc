//! Header fields of requests and responses.

use std::fmt;

use http::header::{
    CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, LAST_MODIFIED, LOCATION,
};

/// `content-type` as `Content-Type`, the way hyper does it.
pub(crate) fn make_title_case(name: &mut [u8]) {
    let mut is_first = true;
    for byte in name {
        if is_first {
            byte.make_ascii_uppercase();
        }
        is_first = *byte == b'-';
    }
}

/// A header field that could not be set: its name or value breaks RFC 9110 section 5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvalidField {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Header fields; names compare without regard to case, a name may have several values.
///
/// [`insert`](Headers::insert) and [`append`](Headers::append) take plain text and never fail at the call: a field
/// that cannot be sent (a line break in its value, say) is remembered and the whole response becomes a 500 with a
/// line in the log, so that nothing a client sent can split a response.
///
/// ```
/// use vernal::Headers;
///
/// let headers = Headers::from([("X-One", "1"), ("x-one", "2")]);
/// assert_eq!(headers.get("X-ONE"), Some("1"));
/// assert_eq!(headers.get_all("x-one").collect::<Vec<_>>(), ["1", "2"]);
/// ```
#[derive(Clone, Default)]
pub struct Headers {
    map: HeaderMap,
    invalid: Option<Box<InvalidField>>,
}

/// Fields of which a response has one (RFC 9110): where two say other things, the later one counts.
const SINGLE: [HeaderName; 5] = [CONTENT_TYPE, CONTENT_LENGTH, ETAG, LAST_MODIFIED, LOCATION];

impl Headers {
    /// No fields.
    pub fn new() -> Self {
        Headers::default()
    }

    /// The name of a field as a title, as [`Server::title_case_headers`](crate::Server::title_case_headers) sends it.
    ///
    /// ```
    /// use vernal::Headers;
    ///
    /// assert_eq!(Headers::title_case("x-forwarded-for"), "X-Forwarded-For");
    /// ```
    pub fn title_case(name: &str) -> String {
        let mut title = name.as_bytes().to_vec();
        make_title_case(&mut title);
        // no byte of a longer character has been touched
        String::from_utf8(title).unwrap_or_default()
    }

    /// The first value of this name, if it is text.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.map.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
    }

    /// All values of this name that are text, in the order received.
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.map.get_all(name).iter().filter_map(|value| std::str::from_utf8(value.as_bytes()).ok())
    }

    /// Whether a field of this name is there.
    pub fn contains(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// Sets a field, replacing all values it had.
    pub fn insert(&mut self, name: impl AsRef<str>, value: impl fmt::Display) {
        if let Some((name, value)) = self.checked(name.as_ref(), &value) {
            self.map.insert(name, value);
        }
    }

    /// Adds a value to a field.
    pub fn append(&mut self, name: impl AsRef<str>, value: impl fmt::Display) {
        if let Some((name, value)) = self.checked(name.as_ref(), &value) {
            self.map.append(name, value);
        }
    }

    /// Removes a field with all its values.
    pub fn remove(&mut self, name: &str) {
        self.map.remove(name);
    }

    /// All fields, a pair for each value; values that are not text are passed over.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.map
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), std::str::from_utf8(value.as_bytes()).ok()?)))
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// The fields as the type of the `http` crate.
    pub fn as_map(&self) -> &HeaderMap {
        &self.map
    }

    /// The fields as the type of the `http` crate, to change them.
    pub fn as_map_mut(&mut self) -> &mut HeaderMap {
        &mut self.map
    }

    /// Adds all fields of `other`; names present in both keep both values, but for those that can only have one.
    pub(crate) fn merge(&mut self, other: Headers) {
        if self.map.is_empty() {
            self.map = other.map;
        } else {
            self.map.reserve(other.map.len());
            let mut current = None;
            for (name, value) in other.map {
                match name {
                    Some(name) if SINGLE.contains(&name) => {
                        self.map.insert(name, value);
                        current = None;
                    }
                    Some(name) => {
                        self.map.append(&name, value);
                        current = Some(name);
                    }
                    None => {
                        if let Some(name) = &current {
                            self.map.append(name, value);
                        }
                    }
                }
            }
        }
        self.invalid = self.invalid.take().or(other.invalid);
    }

    /// The first field that could not be set.
    pub(crate) fn invalid(&self) -> Option<&InvalidField> {
        self.invalid.as_deref()
    }

    pub(crate) fn into_map(self) -> HeaderMap {
        self.map
    }

    fn checked(&mut self, name: &str, value: &dyn fmt::Display) -> Option<(HeaderName, HeaderValue)> {
        let value = value.to_string();
        match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes())) {
            (Ok(name), Ok(value)) => Some((name, value)),
            _ => {
                self.invalid.get_or_insert_with(|| Box::new(InvalidField { name: name.to_owned(), value }));
                None
            }
        }
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.map.fmt(f)
    }
}

impl From<HeaderMap> for Headers {
    fn from(map: HeaderMap) -> Self {
        Headers { map, invalid: None }
    }
}

impl<N: AsRef<str>, V: fmt::Display, const LENGTH: usize> From<[(N, V); LENGTH]> for Headers {
    fn from(fields: [(N, V); LENGTH]) -> Self {
        fields.into_iter().collect()
    }
}

impl<N: AsRef<str>, V: fmt::Display> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let mut headers = Headers::new();
        for (name, value) in fields {
            headers.append(name, value);
        }
        headers
    }
}
