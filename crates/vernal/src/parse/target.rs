//! Percent-decoding of the request target (RFC 3986 section 2.1, `spec/02` section 1).

use memchr::{memchr, memchr2};

use crate::HttpError;

/// How percent-encoded text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decoding {
    /// Whether a malformed escape or invalid UTF-8 is an error; otherwise the escape stays as it is and invalid
    /// bytes become U+FFFD, as the reference does.
    pub(crate) strict: bool,
    /// Whether `+` in a parameter is a space, as the forms of browsers mean it; never so in a path.
    pub(crate) plus_is_space: bool,
}

impl Default for Decoding {
    fn default() -> Self {
        Decoding { strict: true, plus_is_space: true }
    }
}

/// Percent-decodes the path of a request target; `None` when there is nothing to decode.
///
/// Several leading slashes become one, whether they were written as `/` or as `%2F` (`spec/08` A1). A `+` stays.
///
/// Fails with 400 on a NUL character, and if `decoding` is strict on a malformed escape or invalid UTF-8.
pub(crate) fn decode_path(raw: &str, decoding: Decoding) -> Result<Option<Box<str>>, HttpError> {
    if memchr2(b'%', 0, raw.as_bytes()).is_none() && !raw.starts_with("//") {
        return Ok(None);
    }
    let mut decoded = Vec::with_capacity(raw.len());
    percent_decode(raw.as_bytes(), Decoding { plus_is_space: false, ..decoding }, "path", &mut decoded)?;
    if memchr(0, &decoded).is_some() {
        return Err(HttpError::bad_request("The path contains a NUL character."));
    }
    let slashes = decoded.iter().take_while(|byte| **byte == b'/').count();
    decoded.drain(..slashes.saturating_sub(1));
    let path =
        into_text(decoded, decoding).ok_or_else(|| HttpError::bad_request("The path is not valid UTF-8."))?;
    Ok((path != raw).then(|| path.into_boxed_str()))
}

/// Appends the decoded bytes of `raw` to `into`; `what` names the text in the error about a malformed escape.
pub(crate) fn percent_decode(
    raw: &[u8],
    decoding: Decoding,
    what: &str,
    into: &mut Vec<u8>,
) -> Result<(), HttpError> {
    let mut rest = raw;
    while let Some(at) = if decoding.plus_is_space { memchr2(b'%', b'+', rest) } else { memchr(b'%', rest) } {
        into.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let length = if rest[0] == b'+' {
            into.push(b' ');
            1
        } else if let Some(byte) = escaped_byte(rest) {
            into.push(byte);
            3
        } else if decoding.strict {
            let escape = rest[..rest.len().min(3)].escape_ascii();
            return Err(HttpError::bad_request(format!(
                "The {what} contains a malformed percent escape: {escape}"
            )));
        } else {
            into.push(b'%');
            1
        };
        rest = &rest[length..];
    }
    into.extend_from_slice(rest);
    Ok(())
}

/// The byte that the escape at the start of `text` stands for.
fn escaped_byte(text: &[u8]) -> Option<u8> {
    let hexadecimal = |byte: u8| char::from(byte).to_digit(16);
    let &[b'%', high, low, ..] = text else { return None };
    u8::try_from(hexadecimal(high)? << 4 | hexadecimal(low)?).ok()
}

/// The bytes as text; `None` if they are not UTF-8 and `decoding` is strict.
pub(crate) fn into_text(bytes: Vec<u8>, decoding: Decoding) -> Option<String> {
    match String::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(_) if decoding.strict => None,
        Err(error) => Some(String::from_utf8_lossy(error.as_bytes()).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENIENT: Decoding = Decoding { strict: false, plus_is_space: true };

    fn decoded(raw: &str, decoding: Decoding) -> Option<Box<str>> {
        decode_path(raw, decoding).expect("a path that decodes")
    }

    fn refused(raw: &str, decoding: Decoding) -> String {
        let error = decode_path(raw, decoding).expect_err("a path that is refused");
        assert_eq!(error.code(), 400);
        error.explain_text().to_owned()
    }

    #[test]
    fn a_plain_path_is_not_copied() {
        for raw in ["/", "/plaintext", "/a+b", "/中文", "*", "", "/a//b"] {
            assert_eq!(decoded(raw, Decoding::default()), None, "{raw}");
        }
    }

    #[test]
    fn escapes_are_decoded_as_utf_8() {
        assert_eq!(decoded("/a%20b", Decoding::default()).as_deref(), Some("/a b"));
        assert_eq!(decoded("/%E4%b8%AD%e6%96%87", Decoding::default()).as_deref(), Some("/中文"));
        assert_eq!(decoded("/%2541", Decoding::default()).as_deref(), Some("/%41"), "decoded once");
    }

    #[test]
    fn a_plus_in_a_path_stays() {
        assert_eq!(decoded("/a+b%21", Decoding::default()).as_deref(), Some("/a+b!"));
    }

    #[test]
    fn leading_slashes_collapse() {
        for raw in ["//", "///", "/%2F", "%2f%2F/"] {
            assert_eq!(decoded(raw, Decoding::default()).as_deref(), Some("/"), "{raw}");
        }
        assert_eq!(decoded("/%2Fx//y", Decoding::default()).as_deref(), Some("/x//y"));
    }

    #[test]
    fn a_nul_is_refused() {
        for raw in ["/a%00b", "/a\0b"] {
            assert_eq!(refused(raw, Decoding::default()), "The path contains a NUL character.");
            assert_eq!(refused(raw, LENIENT), "The path contains a NUL character.");
        }
    }

    #[test]
    fn a_malformed_escape_is_an_error_that_shows_it_or_stays() {
        for (raw, escape) in
            [("/a%zzb", "%zz"), ("/%4", "%4"), ("/%", "%"), ("/%+1", "%+1"), ("/%é", "%\\xc3\\xa9")]
        {
            let expected = format!("The path contains a malformed percent escape: {escape}");
            assert_eq!(refused(raw, Decoding::default()), expected);
            assert_eq!(decoded(raw, LENIENT), None, "{raw}");
        }
        assert_eq!(decoded("/%%41", LENIENT).as_deref(), Some("/%A"));
    }

    #[test]
    fn invalid_utf_8_is_an_error_or_replaced() {
        assert_eq!(refused("/%ff", Decoding::default()), "The path is not valid UTF-8.");
        assert_eq!(decoded("/%ff", LENIENT).as_deref(), Some("/\u{fffd}"));
    }
}
