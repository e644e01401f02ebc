//! The head of a request, line by line, before hyper sees it.
//!
//! hyper parses heads and refuses most of what is malformed. What it forgives, or forgets while it parses, is refused
//! here: line feeds without a carriage return, `Content-Length` beside `Transfer-Encoding` or repeated, transfer
//! codings that nobody decodes, and a `Host` that is missing, repeated or malformed (RFC 9112 sections 2.2, 3, 5, 6).
//! hyper remains the authority on where a message ends: this can only refuse more.

use memchr::memchr;

use crate::App;
use crate::accept::http::field_names::is_title_case;
use crate::parse::is_authority;

/// Why a request is answered with an error page before any controller hears of it; the connection ends with it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) explain: &'static str,
    /// The request was a HEAD, so the page is sent without its body.
    pub(crate) head_only: bool,
    /// The beginning of the request line, where that was at fault.
    pub(crate) line: Option<Box<[u8]>>,
}

impl Refusal {
    /// One for another reason than the request line.
    pub(crate) fn new(status: u16, explain: &'static str) -> Self {
        Refusal { status, explain, head_only: false, line: None }
    }
}

/// How the message goes on after its head (RFC 9112 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Framing {
    Length(u64),
    Chunked,
}

/// What a head may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeadRules {
    /// How many bytes it may have.
    pub(crate) all: usize,
    /// How many of them the target may have.
    pub(crate) target: usize,
    /// Whether a fragment behind the target is passed over, as hyper does it.
    pub(crate) fragments: bool,
    /// Whether somebody wants to know how the names of fields are spelled.
    pub(crate) names: bool,
}

impl HeadRules {
    pub(crate) fn of(app: &App) -> Self {
        let limits = app.limits();
        HeadRules {
            all: limits.header_bytes,
            target: limits.target_bytes,
            fragments: app.permits_fragments(),
            names: app.keeps_field_names(),
        }
    }
}

/// How much of a request line is kept to say what is wrong with it, in bytes.
const LINE_SHOWN: usize = 256;

/// What is known of a head so far. The bytes stay with the caller, who shows them from their beginning each time.
#[derive(Default)]
pub(crate) struct Head {
    /// The length of the lines that were checked.
    checked: usize,
    /// How far the end of the next line was looked for.
    searched: usize,
    request_line: usize,
    is_1_0: bool,
    is_head: bool,
    wants_upgrade: bool,
    /// Whether a name is not in title case, if that matters.
    odd_names: bool,
    /// Whether the request line is right.
    has_request: bool,
    hosts: u8,
    length: Option<u64>,
    codings: Codings,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum Codings {
    #[default]
    None,
    Other,
    /// `chunked` came last, alone or after codings that nobody here decodes.
    Chunked {
        alone: bool,
    },
}

type Check = Result<(), (u16, &'static str)>;

impl Head {
    /// Checks the lines that have become whole. `None` while the head goes on. `host` is what the last head of the
    /// connection named and was right, or empty.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub(crate) fn advance(
        &mut self,
        bytes: &mut [u8],
        rules: HeadRules,
        host: &mut Vec<u8>,
    ) -> Result<Option<Framing>, Refusal> {
        let begin = self.checked;
        self.check_lines(bytes, rules, host).map_err(|(status, explain)| {
            let line = (!self.has_request).then(|| first_line(&bytes[begin..]));
            Refusal { status, explain, head_only: self.is_head, line }
        })
    }

    /// The length of the head, once it is whole.
    pub(crate) fn length(&self) -> usize {
        self.checked
    }

    /// Whether the names of the fields are to be kept, since they cannot be known otherwise.
    pub(crate) fn has_odd_names(&self) -> bool {
        self.odd_names
    }

    /// Whether the client would rather speak another protocol after this message.
    pub(crate) fn wants_upgrade(&self) -> bool {
        self.wants_upgrade
    }

    fn check_lines(
        &mut self,
        bytes: &mut [u8],
        rules: HeadRules,
        host: &mut Vec<u8>,
    ) -> Result<Option<Framing>, (u16, &'static str)> {
        while let Some(end) = self.line_end(bytes) {
            let begin = self.checked;
            let Some(line) = bytes[begin..end].strip_suffix(b"\r") else { return Err(BARE_LINE_FEED) };
            (self.checked, self.searched) = (end + 1, end + 1);
            if self.checked > rules.all {
                return Err(self.too_large(rules));
            }
            if self.request_line == 0 {
                // RFC 9112 section 2.2: empty lines before a request are passed over
                if !line.is_empty() {
                    self.request_line = line.len();
                    if self.check_request_line(line, rules.fragments)? {
                        bytes[end - 2] = b'1';
                    }
                    self.has_request = true;
                }
            } else if line.is_empty() {
                return self.finish().map(Some);
            } else {
                self.check_field(line, host)?;
                if rules.names && !self.odd_names {
                    let colon = memchr(b':', line).unwrap_or(line.len());
                    self.odd_names = !is_title_case(&line[..colon]);
                }
            }
        }
        self.searched = bytes.len();
        match bytes.get(self.checked) {
            Some(byte) if self.request_line == 0 && !is_token_byte(*byte) && *byte != b'\r' => {
                Err(NO_REQUEST)
            }
            _ if bytes.len() >= rules.all => Err(self.too_large(rules)),
            _ => Ok(None),
        }
    }

    /// Where the next line feed is.
    fn line_end(&self, bytes: &[u8]) -> Option<usize> {
        let rest = &bytes[self.searched..];
        // a head ends with an empty line, which needs no search
        let end = if rest.starts_with(b"\r\n") { Some(1) } else { memchr(b'\n', rest) };
        end.map(|end| self.searched + end)
    }

    fn too_large(&self, rules: HeadRules) -> (u16, &'static str) {
        match self.request_line {
            0 => (414, "The request line is too long."),
            length if length > rules.target => (414, "The request line is too long."),
            _ => (431, "The header fields are too long."),
        }
    }

    /// RFC 9112 section 3. Whether the version is a later one of 1.x, which is treated as 1.1, as RFC 9110 section 2.5
    /// wishes.
    fn check_request_line(&mut self, line: &[u8], fragments: bool) -> Result<bool, (u16, &'static str)> {
        self.is_head = line.get(..5).is_some_and(|word| word.eq_ignore_ascii_case(b"HEAD "));
        let Some((method, target, minor)) = words(line, fragments) else { return Err(what_is_wrong(line)) };
        self.is_1_0 = minor == b'0';
        check_target(method, target)?;
        Ok(minor > b'1')
    }

    /// RFC 9112 section 5; what hyper looks at itself is left to it.
    fn check_field(&mut self, line: &[u8], known_host: &mut Vec<u8>) -> Check {
        if matches!(line[0], b' ' | b'\t') {
            return Err((400, "A header field is folded over several lines."));
        }
        // the first letter tells almost all fields apart
        match line[0] | 0x20 {
            b'h' => {
                if let Some(host) = value(line, b"host") {
                    self.hosts = self.hosts.saturating_add(1);
                    if self.hosts > 1 {
                        return Err((400, "There is more than one Host."));
                    }
                    if host.is_empty() || host != known_host {
                        if !is_authority(host) {
                            return Err((400, "The Host is malformed."));
                        }
                        known_host.clear();
                        known_host.extend_from_slice(host);
                    }
                }
            }
            b'c' => {
                if let Some(length) = value(line, b"content-length")
                    && self.length.replace(content_length(length)?).is_some()
                {
                    return Err((400, "There is more than one Content-Length."));
                }
            }
            b't' => {
                if let Some(codings) = value(line, b"transfer-encoding") {
                    self.add_codings(codings)?;
                }
            }
            b'e' => {
                let unknown = |value: &[u8]| !value.eq_ignore_ascii_case(b"100-continue");
                // RFC 9110 section 10.1.1
                if !self.is_1_0 && value(line, b"expect").is_some_and(unknown) {
                    return Err((417, "The only expectation that can be met is 100-continue."));
                }
            }
            b'u' => self.wants_upgrade |= value(line, b"upgrade").is_some(),
            _ => {}
        }
        Ok(())
    }

    /// RFC 9112 section 6.1.
    fn add_codings(&mut self, codings: &[u8]) -> Check {
        for coding in codings.split(|byte| *byte == b',') {
            let coding = trim(coding);
            if coding.is_empty() || !coding.iter().copied().all(is_token_byte) {
                return Err((400, "The Transfer-Encoding is malformed."));
            }
            self.codings = match (self.codings, coding.eq_ignore_ascii_case(b"chunked")) {
                (Codings::Chunked { .. }, _) => {
                    return Err((400, "In Transfer-Encoding, chunked must come last, and once."));
                }
                (before, true) => Codings::Chunked { alone: before == Codings::None },
                (_, false) => Codings::Other,
            };
        }
        Ok(())
    }

    /// What only the whole head tells.
    fn finish(&self) -> Result<Framing, (u16, &'static str)> {
        if self.hosts == 0 && !self.is_1_0 {
            return Err((400, "The Host is missing."));
        }
        match (self.codings, self.length) {
            (Codings::None, length) => Ok(Framing::Length(length.unwrap_or(0))),
            (_, Some(_)) => Err((400, "Content-Length and Transfer-Encoding contradict each other.")),
            _ if self.is_1_0 => Err((400, "HTTP/1.0 has no Transfer-Encoding.")),
            (Codings::Other, _) => Err((400, "In Transfer-Encoding, chunked must come last, and once.")),
            (Codings::Chunked { alone: true }, _) => Ok(Framing::Chunked),
            (Codings::Chunked { alone: false }, _) => {
                Err((501, "The only Transfer-Encoding understood here is chunked."))
            }
        }
    }
}

/// The beginning of the first line that is not empty, as far as it has come.
fn first_line(bytes: &[u8]) -> Box<[u8]> {
    let mut lines = bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let line = lines.find(|line| !line.is_empty()).unwrap_or_default();
    line[..line.len().min(LINE_SHOWN)].into()
}

const BARE_LINE_FEED: (u16, &str) = (400, "A line ends in a line feed without a carriage return.");
const NO_REQUEST: (u16, &str) =
    (400, "A request begins with a method, a target and a version, with one space between them.");

/// Method, target and minor version of a request line, where they consist of what they may.
fn words(line: &[u8], fragments: bool) -> Option<(&[u8], &[u8], u8)> {
    let [words @ .., b' ', b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ b'0'..=b'9'] = line else {
        return None;
    };
    let end = words.iter().position(|byte| !is_token_byte(*byte))?;
    let (method, target) = (&words[..end], &words[end + 1..]);
    let may_be = |byte: &u8| is_in_target(*byte) || (*byte == b'#' && fragments);
    let is_right = words[end] == b' ' && end > 0 && target.iter().all(may_be);
    is_right.then_some((method, target, *minor))
}

/// Why a request line has not these three [`words`].
#[cold]
fn what_is_wrong(line: &[u8]) -> (u16, &'static str) {
    let words: Vec<_> = line.split(|byte| *byte == b' ').collect();
    let [method, target, version] = words[..] else { return NO_REQUEST };
    if method.is_empty() || !method.iter().copied().all(is_token_byte) {
        return (400, "The method is no token.");
    }
    match version {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0'..=b'9'] if target.contains(&b'#') => {
            (400, "The target has a fragment.")
        }
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0'..=b'9'] => {
            (400, "The target has a control character.")
        }
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
            (505, "The versions of HTTP spoken here are 1.0 and 1.1.")
        }
        _ => (400, "The version is none of HTTP."),
    }
}

/// The four forms of a target (RFC 9112 section 3.2).
fn check_target(method: &[u8], target: &[u8]) -> Check {
    if method == b"CONNECT" {
        let has_port = target
            .rsplit(|byte| *byte == b':')
            .next()
            .is_some_and(|port| !port.is_empty() && port.len() < target.len());
        return if has_port && is_authority(target) {
            Ok(())
        } else {
            Err((400, "The target of CONNECT is a host and a port."))
        };
    }
    match target {
        [b'/', ..] => Ok(()),
        b"*" if method.eq_ignore_ascii_case(b"OPTIONS") => Ok(()),
        b"*" => Err((400, "Only OPTIONS takes * for a target.")),
        _ => {
            let schemes: [&[u8]; 4] = [b"http://", b"https://", b"ws://", b"wss://"];
            let starts = |scheme: &&[u8]| {
                target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            };
            let Some(scheme) = schemes.into_iter().find(starts) else {
                return Err((400, "The target is neither a path nor an address of the web."));
            };
            let authority = target[scheme.len()..].split(|byte| matches!(byte, b'/' | b'?' | b'#')).next();
            if authority.is_some_and(is_authority) {
                Ok(())
            } else {
                Err((400, "The host of the target is malformed."))
            }
        }
    }
}

/// The value of this field, if the line is one of it, without the spaces around it.
fn value<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    let is_named = line.get(name.len()) == Some(&b':') && line[..name.len()].eq_ignore_ascii_case(name);
    is_named.then(|| trim(&line[name.len() + 1..]))
}

/// Spaces and tabs only: what else counts as white space elsewhere is an attempt to hide something.
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Digits and nothing else (RFC 9110 section 8.6).
fn content_length(digits: &[u8]) -> Result<u64, (u16, &'static str)> {
    const MALFORMED: (u16, &str) = (400, "The Content-Length is malformed.");
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(MALFORMED);
    }
    let length = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<i64>().ok());
    length.map(i64::unsigned_abs).ok_or(MALFORMED)
}

/// RFC 9110 section 5.6.2.
pub(crate) fn is_token_byte(byte: u8) -> bool {
    IS_TOKEN[usize::from(byte)]
}

static IS_TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = matches!(byte as u8,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+'
            | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~');
        byte += 1;
    }
    table
};

/// Neither control characters nor a fragment, which is never sent.
fn is_in_target(byte: u8) -> bool {
    IS_IN_TARGET[usize::from(byte)]
}

static IS_IN_TARGET: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = !matches!(byte as u8, 0..=b' ' | 0x7f | b'#');
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn check(head: &str, host: &mut Vec<u8>) -> Result<Option<Framing>, Refusal> {
        let rules = HeadRules { all: 1000, target: 500, fragments: false, names: false };
        Head::default().advance(&mut head.as_bytes().to_vec(), rules, host)
    }

    #[test]
    fn a_host_is_checked_unless_it_is_the_last_one() {
        let mut host = Vec::new();
        for (line, is_right, known) in [
            ("Host:  ", false, ""),
            ("Host: x:80", true, "x:80"),
            ("Host: x:80", true, "x:80"),
            ("Host: x:port", false, "x:80"),
            ("Host:", false, "x:80"),
            ("Host: y", true, "y"),
        ] {
            let checked = check(&format!("GET / HTTP/1.1\r\n{line}\r\n\r\n"), &mut host);
            assert_eq!(checked.is_ok(), is_right, "{line}");
            assert_eq!(host, known.as_bytes(), "{line}");
        }
    }

    #[test]
    fn a_request_line_that_is_none_is_refused_for_what_is_wrong() {
        for (line, status, explain) in [
            ("GET / HTTP/1.1 ", 400, NO_REQUEST.1),
            ("GET /a b HTTP/1.1", 400, NO_REQUEST.1),
            ("GET /", 400, NO_REQUEST.1),
            (" / HTTP/1.1", 400, "The method is no token."),
            ("GE(T / HTTP/1.1", 400, "The method is no token."),
            ("GET /a#b HTTP/1.1", 400, "The target has a fragment."),
            ("GET /\x7f HTTP/1.1", 400, "The target has a control character."),
            ("GET a HTTP/1.1", 400, "The target is neither a path nor an address of the web."),
            ("GET / HTTP/2.0", 505, "The versions of HTTP spoken here are 1.0 and 1.1."),
            ("GET / http/1.1", 400, "The version is none of HTTP."),
            ("GET / HTTP/1.10", 400, "The version is none of HTTP."),
        ] {
            let refusal = Refusal { line: Some(line.as_bytes().into()), ..Refusal::new(status, explain) };
            assert_eq!(check(&format!("{line}\r\n"), &mut Vec::new()), Err(refusal), "{line}");
        }
    }
}
