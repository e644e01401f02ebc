//! What is said of request lines that are none (`spec/07` section 3).

use vernal::HttpError;

use crate::fields::latin_1;

/// The error for such a line, in the words that Python's `http.server` has for it; `error` is the engine's own, which
/// stays where Python would see nothing wrong.
///
/// The line is the client's: whatever is not printable is escaped, and the engine has shortened it.
pub(crate) fn describe(line: &[u8], error: HttpError) -> HttpError {
    const EXPLAIN: &str = "Bad request syntax or unsupported method";
    let text = latin_1(line);
    let words: Vec<&str> = text.split_whitespace().collect();
    let message = match (error.code(), words.as_slice()) {
        (505, [.., version]) => {
            let numbers = version.strip_prefix("HTTP/").unwrap_or(version);
            return error
                .message(format!("Invalid HTTP version {}", escaped(numbers, None)))
                .explain("Cannot fulfill request");
        }
        (400, [.., version]) if words.len() >= 3 && !is_version(version) => {
            format!("Bad request version {}", escaped(version, None))
        }
        (400, [method, _]) if *method != "GET" => format!("Bad HTTP/0.9 request type ({})", repr(method)),
        (400, words) if words.len() != 3 => format!("Bad request syntax ({})", repr(&text)),
        _ => return error,
    };
    error.message(message).explain(EXPLAIN)
}

/// `HTTP/`, digits, a dot, digits.
fn is_version(word: &str) -> bool {
    let numbers = word.strip_prefix("HTTP/").and_then(|numbers| numbers.split_once('.'));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    numbers.is_some_and(|(major, minor)| is_number(major) && is_number(minor))
}

/// What Python's `repr` makes of a text of ISO 8859-1.
fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    format!("{quote}{}{quote}", escaped(text, Some(quote)))
}

fn escaped(text: &str, quote: Option<char>) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => escaped.push_str("\\\\"),
            '\t' => escaped.push_str("\\t"),
            '\r' => escaped.push_str("\\r"),
            '\n' => escaped.push_str("\\n"),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{a0}' | '\u{ad}' => {
                escaped.push_str(&format!("\\x{:02x}", u32::from(character)));
            }
            _ if Some(character) == quote => escaped.extend(['\\', character]),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(line: &[u8], code: u16) -> (u16, String) {
        let error = describe(line, HttpError::new(code).explain("the engine's own"));
        (error.code(), error.message_text().to_owned())
    }

    #[test]
    fn a_line_is_described_as_python_does_it() {
        for (line, code, message) in [
            (&b"GARBAGE"[..], 400, "Bad request syntax ('GARBAGE')"),
            (b"GET / x HTTP/1.1", 400, "Bad request syntax ('GET / x HTTP/1.1')"),
            (b"GET / HTTPS/1.1", 400, "Bad request version HTTPS/1.1"),
            (b"POST /", 400, "Bad HTTP/0.9 request type ('POST')"),
            (b"GET /a%20b", 400, "Bad request syntax ('GET /a%20b')"),
            (b"GET / HTTP/2.0", 505, "Invalid HTTP version 2.0"),
            (b"it's\x01\xad\xff\\\"", 400, "Bad request syntax ('it\\'s\\x01\\xad\u{ff}\\\\\"')"),
            (b"it's", 400, "Bad request syntax (\"it's\")"),
            (b"", 400, "Bad request syntax ('')"),
            (b"G@T / HTTP/1.1", 400, "Bad Request"),
        ] {
            assert_eq!(described(line, code), (code, message.to_owned()), "{line:?}");
        }
    }
}
