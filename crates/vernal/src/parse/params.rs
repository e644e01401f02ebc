//! The parameters of a request: query, form fields and uploaded files under their names.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;

use serde::ser::{Serialize, SerializeMap, Serializer};
use smallvec::SmallVec;

use crate::HttpError;
use crate::parse::MultipartFile;
use crate::parse::target::{Decoding, percent_decode};

/// All parameters of a request in order of appearance; a name may have several values, texts or uploaded files.
///
/// Names are case-sensitive. Serialized, it is a map from each name to its value, or to the list of its values where
/// there are several; a file appears as its file name (the reference's `ModelDict`, `spec/03` section 2).
///
/// ```
/// use vernal::Params;
///
/// let params = Params::from([("name", "Keijack"), ("skill", "python"), ("skill", "rust")]);
/// assert_eq!(params.get("name"), Some("Keijack"));
/// assert_eq!(params.get_all("skill").collect::<Vec<_>>(), ["python", "rust"]);
/// assert_eq!(params.get("age"), None);
/// ```
#[derive(Clone, Default)]
pub struct Params {
    /// All names and text values; every range of a field lies on character boundaries of it.
    text: String,
    fields: SmallVec<[Field; 8]>,
}

#[derive(Clone)]
struct Field {
    name: Range<usize>,
    value: Value,
}

#[derive(Clone)]
enum Value {
    Text(Range<usize>),
    File(MultipartFile),
}

/// One value of a parameter.
#[derive(Debug, Clone, Copy)]
pub enum ParamValue<'a> {
    /// A value of the query or a field of a form.
    Text(&'a str),
    /// A file of a multipart form.
    File(&'a MultipartFile),
}

impl<'a> ParamValue<'a> {
    /// The text, if it is one.
    pub fn text(self) -> Option<&'a str> {
        match self {
            ParamValue::Text(text) => Some(text),
            ParamValue::File(_) => None,
        }
    }

    /// The file, if it is one.
    pub fn file(self) -> Option<&'a MultipartFile> {
        match self {
            ParamValue::Text(_) => None,
            ParamValue::File(file) => Some(file),
        }
    }
}

impl Params {
    /// No parameters.
    pub fn new() -> Self {
        Params::default()
    }

    /// The first text value of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values(name).find_map(ParamValue::text)
    }

    /// All text values of this name.
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values(name).filter_map(ParamValue::text)
    }

    /// The first file of this name.
    pub fn file(&self, name: &str) -> Option<&MultipartFile> {
        self.values(name).find_map(ParamValue::file)
    }

    /// All files of this name.
    pub fn files(&self, name: &str) -> impl Iterator<Item = &MultipartFile> {
        self.values(name).filter_map(ParamValue::file)
    }

    /// Whether there is a value of this name, text or file.
    pub fn contains(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }

    /// All parameters, a pair for each value, in order of appearance.
    pub fn iter(&self) -> impl Iterator<Item = (&str, ParamValue<'_>)> {
        self.fields.iter().map(|field| (self.name_of(field), self.value_of(field)))
    }

    /// The names, each once, in order of first appearance.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let mut seen = HashSet::new();
        self.fields.iter().map(|field| self.name_of(field)).filter(move |name| seen.insert(*name))
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Replaces all values of a name by `values`, which come after all other parameters; no values remove it.
    ///
    /// ```
    /// use vernal::Params;
    ///
    /// let mut params = Params::from([("skill", "python")]);
    /// params.set("skill", ["rust", "c"]);
    /// assert_eq!(params.get_all("skill").collect::<Vec<_>>(), ["rust", "c"]);
    /// ```
    pub fn set(&mut self, name: impl AsRef<str>, values: impl IntoIterator<Item: AsRef<str>>) {
        let name = name.as_ref();
        self.remove(name);
        for value in values {
            self.append(name, value);
        }
    }

    /// Adds a value, after all others.
    pub fn append(&mut self, name: impl AsRef<str>, value: impl AsRef<str>) {
        let name = self.push_text(name.as_ref());
        let value = Value::Text(self.push_text(value.as_ref()));
        self.fields.push(Field { name, value });
    }

    /// Removes all values of a name.
    pub fn remove(&mut self, name: &str) {
        let text = &self.text;
        self.fields.retain(|field| text[field.name.clone()] != *name);
        if self.fields.is_empty() {
            self.text.clear();
        }
    }

    /// Adds an uploaded file under its name, after all others.
    pub(crate) fn append_file(&mut self, file: MultipartFile) {
        let name = self.push_text(file.name());
        self.fields.push(Field { name, value: Value::File(file) });
    }

    /// Adds all parameters of `other`, after all others.
    pub(crate) fn extend(&mut self, other: Params) {
        if self.is_empty() {
            *self = other;
            return;
        }
        let moved = self.text.len();
        self.text.push_str(&other.text);
        let shift = |range: Range<usize>| range.start + moved..range.end + moved;
        self.fields.extend(other.fields.into_iter().map(|field| Field {
            name: shift(field.name),
            value: match field.value {
                Value::Text(range) => Value::Text(shift(range)),
                file => file,
            },
        }));
    }

    /// Every name once with all its values, in order of first appearance.
    pub(crate) fn grouped(&self) -> Vec<(&str, SmallVec<[ParamValue<'_>; 1]>)> {
        let mut groups: Vec<(&str, SmallVec<[ParamValue<'_>; 1]>)> = Vec::with_capacity(self.len());
        let mut positions = HashMap::with_capacity(self.len());
        for (name, value) in self.iter() {
            let position = *positions.entry(name).or_insert(groups.len());
            match groups.get_mut(position) {
                Some((_, values)) => values.push(value),
                None => groups.push((name, SmallVec::from_iter([value]))),
            }
        }
        groups
    }

    /// An error if there are `limit` parameters already.
    pub(crate) fn check_room(&self, limit: usize) -> Result<(), HttpError> {
        if self.len() < limit { Ok(()) } else { Err(too_many(limit)) }
    }

    fn values(&self, name: &str) -> impl Iterator<Item = ParamValue<'_>> {
        self.fields.iter().filter(move |field| self.name_of(field) == name).map(|field| self.value_of(field))
    }

    fn name_of(&self, field: &Field) -> &str {
        &self.text[field.name.clone()]
    }

    fn value_of<'a>(&'a self, field: &'a Field) -> ParamValue<'a> {
        match &field.value {
            Value::Text(range) => ParamValue::Text(&self.text[range.clone()]),
            Value::File(file) => ParamValue::File(file),
        }
    }

    fn push_text(&mut self, text: &str) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(text);
        start..self.text.len()
    }
}

fn too_many(limit: usize) -> HttpError {
    HttpError::bad_request(format!("A request may have at most {limit} parameters."))
}

/// Adds the parameters of a query or an `application/x-www-form-urlencoded` body (`spec/02` section 1).
///
/// Split at `&` only, each item at its first `=`; an item without `=` has the value `""`. An empty item has the name
/// `""`, as in the reference, but an empty text has no item.
///
/// Fails with 400 if `into` would have more than `limit` parameters, and if `decoding` is strict on a malformed
/// escape or invalid UTF-8.
pub(crate) fn parse_urlencoded(
    into: &mut Params,
    raw: &[u8],
    decoding: Decoding,
    limit: usize,
) -> Result<(), HttpError> {
    if raw.is_empty() {
        return Ok(());
    }
    // The separators are copied too: as ASCII they keep the two halves of a broken UTF-8 sequence on both sides
    // apart, so that one look at the whole tells whether each name and each value is valid.
    let mut decoded = Vec::with_capacity(raw.len() + 1);
    let mut fields = SmallVec::new();
    for item in raw.split(|byte| *byte == b'&') {
        if into.len() + fields.len() >= limit {
            return Err(too_many(limit));
        }
        let equals = memchr::memchr(b'=', item);
        let start = decoded.len();
        percent_decode(&item[..equals.unwrap_or(item.len())], decoding, "parameter", &mut decoded)?;
        let name = start..decoded.len();
        let mut value = name.end..name.end;
        if let Some(equals) = equals {
            decoded.push(b'=');
            value.start = decoded.len();
            percent_decode(&item[equals + 1..], decoding, "parameter", &mut decoded)?;
            value.end = decoded.len();
        }
        decoded.push(b'&');
        fields.push(Field { name, value: Value::Text(value) });
    }
    match String::from_utf8(decoded) {
        Ok(text) => into.extend(Params { text, fields }),
        Err(_) if decoding.strict => return Err(HttpError::bad_request("The parameter is not valid UTF-8.")),
        Err(error) => append_lossy(into, error.as_bytes(), &fields),
    }
    Ok(())
}

/// Adds the fields with U+FFFD for what is not UTF-8 in `decoded`.
fn append_lossy(into: &mut Params, decoded: &[u8], fields: &[Field]) {
    for field in fields {
        if let Value::Text(value) = &field.value {
            into.append(
                String::from_utf8_lossy(&decoded[field.name.clone()]),
                String::from_utf8_lossy(&decoded[value.clone()]),
            );
        }
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Params {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut params = Params::new();
        for (name, value) in pairs {
            params.append(name, value);
        }
        params
    }
}

impl<N: AsRef<str>, V: AsRef<str>, const LENGTH: usize> From<[(N, V); LENGTH]> for Params {
    fn from(pairs: [(N, V); LENGTH]) -> Self {
        pairs.into_iter().collect()
    }
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_map();
        for (name, value) in self.iter() {
            match value {
                ParamValue::Text(text) => list.entry(&name, &text),
                ParamValue::File(file) => list.entry(&name, file),
            };
        }
        list.finish()
    }
}

impl Serialize for Params {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let groups = self.grouped();
        let mut map = serializer.serialize_map(Some(groups.len()))?;
        for (name, values) in groups {
            match values.as_slice() {
                [value] => map.serialize_entry(name, value)?,
                values => map.serialize_entry(name, values)?,
            }
        }
        map.end()
    }
}

impl Serialize for ParamValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            ParamValue::Text(text) => text,
            ParamValue::File(file) => file.filename(),
        })
    }
}

#[cfg(test)]
mod tests;
