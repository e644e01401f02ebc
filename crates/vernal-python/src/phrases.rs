//! The words of status codes as Python's `http.HTTPStatus` has them (`spec/04` section 10).

/// Those of Python 3.11, where they differ from those of RFC 9110 as the engine has them.
pub(crate) fn of(code: u16) -> Option<&'static str> {
    Some(match code {
        203 => "Non-Authoritative Information",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Long",
        416 => "Requested Range Not Satisfiable",
        418 => "I'm a Teapot",
        _ => return None,
    })
}
