//! The head of a request, line by line, before hyper sees it.
//!
//! hyper parses heads and refuses most of what is malformed. What it forgives, or forgets while it parses, is refused
//! here: line feeds without a carriage return, `Content-Length` beside `Transfer-Encoding` or repeated, transfer
//! codings that nobody decodes, and a `Host` that is missing, repeated or malformed (RFC 9112 sections 2.2, 3, 5, 6).
//! hyper remains the authority on where a message ends: this can only refuse more.

use memchr::memchr;

use crate::parse::is_authority;

/// Why a request is answered with an error page before any controller hears of it; the connection ends with it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) explain: &'static str,
    /// The request was a HEAD, so the page is sent without its body.
    pub(crate) head_only: bool,
}

/// How the message goes on after its head (RFC 9112 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Framing {
    Length(u64),
    Chunked,
}

/// The bounds on a head, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeadLimits {
    pub(crate) all: usize,
    pub(crate) target: usize,
}

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
    /// Checks the lines that have become whole. `None` while the head goes on.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub(crate) fn advance(
        &mut self,
        bytes: &mut [u8],
        limits: HeadLimits,
    ) -> Result<Option<Framing>, Refusal> {
        self.check_lines(bytes, limits).map_err(|(status, explain)| Refusal {
            status,
            explain,
            head_only: self.is_head,
        })
    }

    /// The length of the head, once it is whole.
    pub(crate) fn length(&self) -> usize {
        self.checked
    }

    /// Whether the client would rather speak another protocol after this message.
    pub(crate) fn wants_upgrade(&self) -> bool {
        self.wants_upgrade
    }

    fn check_lines(
        &mut self,
        bytes: &mut [u8],
        limits: HeadLimits,
    ) -> Result<Option<Framing>, (u16, &'static str)> {
        while let Some(end) = memchr(b'\n', &bytes[self.searched..]) {
            let (begin, end) = (self.checked, self.searched + end);
            let Some(line) = bytes[begin..end].strip_suffix(b"\r") else { return Err(BARE_LINE_FEED) };
            (self.checked, self.searched) = (end + 1, end + 1);
            if self.checked > limits.all {
                return Err(self.too_large(limits));
            }
            if self.request_line == 0 {
                // RFC 9112 section 2.2: empty lines before a request are passed over
                if !line.is_empty() {
                    self.request_line = line.len();
                    if self.check_request_line(line)? {
                        bytes[end - 2] = b'1';
                    }
                }
            } else if line.is_empty() {
                return self.finish().map(Some);
            } else {
                self.check_field(line)?;
            }
        }
        self.searched = bytes.len();
        match bytes.get(self.checked) {
            Some(byte) if self.request_line == 0 && !is_token_byte(*byte) && *byte != b'\r' => {
                Err(NO_REQUEST)
            }
            _ if bytes.len() >= limits.all => Err(self.too_large(limits)),
            _ => Ok(None),
        }
    }

    fn too_large(&self, limits: HeadLimits) -> (u16, &'static str) {
        match self.request_line {
            0 => (414, "The request line is too long."),
            length if length > limits.target => (414, "The request line is too long."),
            _ => (431, "The header fields are too long."),
        }
    }

    /// RFC 9112 section 3. Whether the version is a later one of 1.x, which is treated as 1.1, as RFC 9110 section 2.5
    /// wishes.
    fn check_request_line(&mut self, line: &[u8]) -> Result<bool, (u16, &'static str)> {
        let mut words = line.split(|byte| *byte == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(NO_REQUEST);
        };
        if method.is_empty() || !method.iter().copied().all(is_token_byte) {
            return Err((400, "The method is no token."));
        }
        self.is_head = method.eq_ignore_ascii_case(b"HEAD");
        let later = match version.strip_prefix(b"HTTP/") {
            Some(b"1.1") => false,
            Some(b"1.0") => {
                self.is_1_0 = true;
                false
            }
            Some(&[b'1', b'.', minor]) if minor.is_ascii_digit() => true,
            Some(&[major, b'.', minor]) if major.is_ascii_digit() && minor.is_ascii_digit() => {
                return Err((505, "The versions of HTTP spoken here are 1.0 and 1.1."));
            }
            _ => return Err((400, "The version is none of HTTP.")),
        };
        check_target(method, target)?;
        Ok(later)
    }

    /// RFC 9112 section 5; what hyper looks at itself is left to it.
    fn check_field(&mut self, line: &[u8]) -> Check {
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
                    if !is_authority(host) {
                        return Err((400, "The Host is malformed."));
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

const BARE_LINE_FEED: (u16, &str) = (400, "A line ends in a line feed without a carriage return.");
const NO_REQUEST: (u16, &str) =
    (400, "A request begins with a method, a target and a version, with one space between them.");

/// The four forms of a target (RFC 9112 section 3.2).
fn check_target(method: &[u8], target: &[u8]) -> Check {
    if let Some(byte) = target.iter().find(|byte| matches!(byte, 0..=b' ' | 0x7f | b'#')) {
        return Err((
            400,
            if *byte == b'#' { "The target has a fragment." } else { "The target has a control character." },
        ));
    }
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
            let authority = target[scheme.len()..].split(|byte| matches!(byte, b'/' | b'?')).next();
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
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}
