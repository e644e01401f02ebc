//! The header fields of a part, and field values with parameters (RFC 7578 section 4, RFC 9110 section 5.6.6).

use bytes::Bytes;

use crate::HttpError;
use crate::parse::target::{Decoding, into_text, percent_decode};

/// What the header fields of a part say about its content.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) name: String,
    /// There for files, maybe empty.
    pub(super) filename: Option<String>,
    pub(super) content_type: Option<String>,
}

impl Head {
    /// Reads the lines of a part's header; unknown fields are passed over.
    pub(super) fn parse(lines: &[Bytes], decoding: Decoding) -> Result<Head, HttpError> {
        let mut disposition = None;
        let mut content_type = None;
        for line in unfolded(lines) {
            let line = into_text(line, decoding)
                .ok_or_else(|| HttpError::bad_request("The header of a part is not valid UTF-8."))?;
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| HttpError::bad_request("A header field of a part should have a colon."))?;
            let slot = match name.trim_end() {
                name if name.eq_ignore_ascii_case("content-disposition") => &mut disposition,
                name if name.eq_ignore_ascii_case("content-type") => &mut content_type,
                _ => continue,
            };
            if slot.replace(value.trim().to_owned()).is_some() {
                return Err(HttpError::bad_request(format!(
                    "A part should have one {} only.",
                    name.trim_end()
                )));
            }
        }
        let disposition =
            disposition.ok_or_else(|| HttpError::bad_request("A part should have a Content-Disposition."))?;
        let (name, filename) = read_disposition(&disposition).map_err(|problem| {
            HttpError::bad_request(format!("The Content-Disposition of a part {problem}."))
        })?;
        Ok(Head { name, filename, content_type: content_type.filter(|value| !value.is_empty()) })
    }
}

/// The lines with each folded one joined to the line it continues (RFC 5322 section 2.2.3).
fn unfolded(lines: &[Bytes]) -> Vec<Vec<u8>> {
    let mut fields: Vec<Vec<u8>> = Vec::with_capacity(lines.len());
    for line in lines {
        match fields.last_mut() {
            Some(field) if line.starts_with(b" ") || line.starts_with(b"\t") => field.extend_from_slice(line),
            _ => fields.push(line.to_vec()),
        }
    }
    fields
}

/// The name and file name of a `Content-Disposition`; the error continues a sentence about it.
fn read_disposition(text: &str) -> Result<(String, Option<String>), String> {
    let mut value = FieldValue::parse(text)?;
    if !value.kind.eq_ignore_ascii_case("form-data") {
        return Err("should be form-data".into());
    }
    let name = value.take("name")?.ok_or("should have a name")?;
    let plain = value.take("filename")?;
    let filename = match value.take("filename*")? {
        None => plain,
        Some(extended) => Some(decode_extended(&extended).or(plain).ok_or("has an unreadable filename*")?),
    };
    Ok((name, filename))
}

/// Decodes `charset'language'percent-encoded` (RFC 8187 section 3.2); a bare percent-encoded text is taken for UTF-8.
///
/// `None` for malformed text and other character sets than UTF-8 and ISO-8859-1.
fn decode_extended(text: &str) -> Option<String> {
    let mut pieces = text.splitn(3, '\'');
    let (charset, encoded) = match (pieces.next(), pieces.next(), pieces.next()) {
        (Some(charset), Some(_), Some(encoded)) => (charset, encoded),
        _ => ("UTF-8", text),
    };
    let mut decoded = Vec::with_capacity(encoded.len());
    let decoding = Decoding { strict: true, plus_is_space: false };
    percent_decode(encoded.as_bytes(), decoding, "file name", &mut decoded).ok()?;
    if charset.eq_ignore_ascii_case("ISO-8859-1") {
        return Some(decoded.into_iter().map(char::from).collect());
    }
    (charset.is_empty() || charset.eq_ignore_ascii_case("UTF-8"))
        .then(|| into_text(decoded, decoding))
        .flatten()
}

/// A field value of the form `kind; name=value; name="value"`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FieldValue<'a> {
    pub(super) kind: &'a str,
    parameters: Vec<(&'a str, String)>,
}

impl<'a> FieldValue<'a> {
    /// Reads a field value. White space around `;` and `=` is optional, and so is a last `;`.
    ///
    /// In quoted text `\"` and `\\` stand for a quote and a backslash; any other backslash stands for itself, since
    /// browsers send the backslashes of Windows paths as they are. The error continues a sentence about the field.
    pub(super) fn parse(text: &'a str) -> Result<Self, String> {
        let (kind, mut rest) = text.split_once(';').unwrap_or((text, ""));
        let mut parameters = Vec::new();
        loop {
            rest = rest.trim_start_matches([' ', '\t', ';']);
            if rest.is_empty() {
                return Ok(FieldValue { kind: kind.trim(), parameters });
            }
            let at = rest.find(['=', ';']).filter(|at| rest[*at..].starts_with('='));
            let (name, value) = at
                .map(|at| (rest[..at].trim(), rest[at + 1..].trim_start()))
                .ok_or("has a parameter without a value")?;
            let (value, tail) = match value.strip_prefix('"') {
                Some(quoted) => unquote(quoted)?,
                None => {
                    let (value, tail) = value.split_at(value.find(';').unwrap_or(value.len()));
                    (value.trim_end().to_owned(), tail)
                }
            };
            rest = tail.trim_start();
            if !rest.is_empty() && !rest.starts_with(';') {
                return Err("has text behind a quoted value".into());
            }
            parameters.push((name, value));
        }
    }

    /// Takes the parameter of this name out, its case aside; an error if there are several.
    pub(super) fn take(&mut self, name: &str) -> Result<Option<String>, String> {
        let mut found = self.parameters.iter_mut().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let value = found.next().map(|(_, value)| std::mem::take(value));
        match found.next() {
            None => Ok(value),
            Some(_) => Err(format!("has {name} twice")),
        }
    }
}

/// The quoted text up to its closing quote, and what follows that; the opening quote is before `text`.
fn unquote(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' if text[at + 1..].starts_with(['"', '\\']) => {
                value.extend(characters.next().map(|(_, escaped)| escaped));
            }
            _ => value.push(character),
        }
    }
    Err("has a quoted value without a closing quote".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(text: &str) -> Vec<(&str, String)> {
        FieldValue::parse(text).expect("a field value").parameters
    }

    fn head(lines: &[&str]) -> Result<Head, String> {
        let lines: Vec<Bytes> = lines.iter().map(|line| Bytes::copy_from_slice(line.as_bytes())).collect();
        Head::parse(&lines, Decoding::default()).map_err(|error| error.explain_text().to_owned())
    }

    fn filename(parameters: &str) -> Option<String> {
        head(&[&format!("Content-Disposition: form-data; name=f; {parameters}")]).expect("a head").filename
    }

    #[test]
    fn white_space_around_separators_is_optional() {
        for text in ["t;a=1;b=2", "t; a=1; b=2", " t ;\ta = 1 ; b = \"2\" ; ", "t;;a=1;b=2;"] {
            assert_eq!(parameters(text), [("a", "1".to_owned()), ("b", "2".to_owned())], "{text}");
            assert_eq!(FieldValue::parse(text).expect("a field value").kind, "t");
        }
        assert_eq!(parameters("form-data"), []);
    }

    #[test]
    fn quoted_text_may_have_separators_and_escapes() {
        assert_eq!(
            parameters(r#"t; a="x;y=z"; b="\"\\\n""#),
            [("a", "x;y=z".to_owned()), ("b", r#""\\n"#.to_owned())]
        );
        assert_eq!(parameters(r#"t; filename="C:\dir\é.txt""#), [("filename", r"C:\dir\é.txt".to_owned())]);
    }

    #[test]
    fn malformed_field_values_are_refused() {
        for (text, problem) in [
            ("t; a", "has a parameter without a value"),
            ("t; a; b=1", "has a parameter without a value"),
            ("t; a=\"b", "has a quoted value without a closing quote"),
            ("t; a=\"b\\\"", "has a quoted value without a closing quote"),
            ("t; a=\"b\"c", "has text behind a quoted value"),
        ] {
            assert_eq!(FieldValue::parse(text), Err(problem.to_owned()), "{text}");
        }
    }

    #[test]
    fn fields_may_come_in_any_order_and_case() {
        let head = head(&[
            "X-More: 1",
            "CONTENT-type: text/plain ",
            "content-DISPOSITION:Form-Data;FileName=a;NAME=f",
        ])
        .expect("a head");
        assert_eq!((head.name.as_str(), head.filename.as_deref()), ("f", Some("a")));
        assert_eq!(head.content_type.as_deref(), Some("text/plain"));
    }

    #[test]
    fn a_folded_field_is_one_field() {
        let head =
            head(&["Content-Disposition: form-data;", "\tname=f;", " filename=\"a b\""]).expect("a head");
        assert_eq!((head.name.as_str(), head.filename.as_deref()), ("f", Some("a b")));
    }

    #[test]
    fn the_extended_file_name_wins() {
        assert_eq!(filename("filename=a; filename*=UTF-8''%e4%b8%ad%20b").as_deref(), Some("中 b"));
        assert_eq!(filename("filename*=utf-8'en'x; filename=a").as_deref(), Some("x"));
        assert_eq!(filename("filename*=%C3%A9").as_deref(), Some("é"), "the character set is optional");
        assert_eq!(filename("filename*=iso-8859-1''%E9").as_deref(), Some("é"));
    }

    #[test]
    fn an_unreadable_extended_file_name_leaves_the_plain_one() {
        for extended in ["gbk''%d6", "UTF-8''%ff", "UTF-8''%zz"] {
            assert_eq!(filename(&format!("filename=a; filename*={extended}")).as_deref(), Some("a"));
            assert_eq!(
                head(&[&format!("Content-Disposition: form-data; name=f; filename*={extended}")])
                    .expect_err("400"),
                "The Content-Disposition of a part has an unreadable filename*."
            );
        }
    }

    #[test]
    fn malformed_heads_are_refused() {
        for (lines, problem) in [
            (&[][..], "A part should have a Content-Disposition."),
            (&["Content-Type: a/b"], "A part should have a Content-Disposition."),
            (&["nonsense"], "A header field of a part should have a colon."),
            (&["Content-Disposition: form-data"], "The Content-Disposition of a part should have a name."),
            (
                &["Content-Disposition: attachment; name=f"],
                "The Content-Disposition of a part should be form-data.",
            ),
            (
                &["Content-Disposition: form-data; name=f; name=g"],
                "The Content-Disposition of a part has name twice.",
            ),
            (&["Content-Type: a/b", "Content-Type : c/d"], "A part should have one Content-Type only."),
        ] {
            assert_eq!(head(lines).expect_err("400"), problem);
        }
    }
}
