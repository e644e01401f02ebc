//! The field `Forwarded`: RFC 7239 section 4.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

/// What one proxy says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Element<'l> {
    pub(super) node: Option<Node>,
    pub(super) proto: Option<Cow<'l, str>>,
    pub(super) host: Option<Cow<'l, str>>,
}

/// Whose request a proxy has passed on: a node of section 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    Address(IpAddr),
    /// `unknown`, an obfuscated identifier, or nothing that makes sense.
    Hidden,
}

impl Node {
    /// Reads `192.0.2.43`, `192.0.2.43:47011`, `[2001:db8::17]`, `[2001:db8::17]:47011`, and an IPv6 address without
    /// brackets, which `X-Forwarded-For` has.
    pub(super) fn parse(text: &str) -> Self {
        let (address, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, "")) => (address.parse::<Ipv6Addr>().ok().map(IpAddr::from), None),
            Some((address, rest)) => (
                address.parse::<Ipv6Addr>().ok().map(IpAddr::from),
                Some(rest.strip_prefix(':').unwrap_or_default()),
            ),
            None => match text.split_once(':') {
                Some((address, port)) if !port.contains(':') => {
                    (address.parse::<std::net::Ipv4Addr>().ok().map(IpAddr::from), Some(port))
                }
                _ => (text.parse().ok(), None),
            },
        };
        match address {
            Some(address) if port.is_none_or(is_port) => Node::Address(address.to_canonical()),
            _ => Node::Hidden,
        }
    }
}

/// `port / obfport` of section 6.
fn is_port(port: &str) -> bool {
    match port.strip_prefix('_') {
        Some(hidden) => {
            let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
            !hidden.is_empty() && hidden.bytes().all(is_part)
        }
        None => (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// The elements of a line, in their order; none if it is malformed. Parameters of other names are skipped.
pub(super) fn parse(line: &str) -> Option<Vec<Element<'_>>> {
    let mut elements = Vec::new();
    let mut element = Element::default();
    let mut has_pairs = false;
    let mut rest = line.trim_matches([' ', '\t']);
    loop {
        if !rest.is_empty() && !rest.starts_with([';', ',']) {
            let (name, value, behind) = pair(rest)?;
            rest = behind;
            has_pairs = true;
            let is_new = match name.to_ascii_lowercase().as_str() {
                "for" => element.node.replace(Node::parse(&value)).is_none(),
                "proto" => element.proto.replace(value).is_none(),
                "host" => element.host.replace(value).is_none(),
                _ => true,
            };
            // section 4: "Each parameter MUST NOT occur more than once per field-value"
            if !is_new {
                return None;
            }
        }
        rest = rest.trim_start_matches([' ', '\t']);
        match rest.as_bytes().first() {
            Some(b';') => {}
            Some(b',') | None => {
                // empty elements of a list count for nothing (RFC 9110 section 5.6.1)
                let whole = std::mem::take(&mut element);
                if std::mem::take(&mut has_pairs) {
                    elements.push(whole);
                }
                if rest.is_empty() {
                    return Some(elements);
                }
            }
            Some(_) => return None,
        }
        rest = rest[1..].trim_start_matches([' ', '\t']);
    }
}

/// `token "=" value` at the beginning, and what is behind it.
fn pair(text: &str) -> Option<(&str, Cow<'_, str>, &str)> {
    let (name, behind) = token(text)?;
    let behind = behind.strip_prefix('=')?;
    let (value, behind) = match behind.strip_prefix('"') {
        Some(quoted) => quoted_string(quoted)?,
        None => token(behind).map(|(value, behind)| (Cow::Borrowed(value), behind))?,
    };
    Some((name, value, behind))
}

/// A token (RFC 9110 section 5.6.2) at the beginning. An address may stand outside quotes although its colons and
/// brackets are none of a token's characters: several proxies write it so.
fn token(text: &str) -> Option<(&str, &str)> {
    let is_part =
        |character: char| character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~:[]".contains(character);
    let end = text.find(|character| !is_part(character)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// What a quoted string (RFC 9110 section 5.6.4) says, whose opening quote is gone, and what is behind it.
fn quoted_string(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let end = text.find(['"', '\\'])?;
    if text[end..].starts_with('"') {
        return Some((Cow::Borrowed(&text[..end]), &text[end + 1..]));
    }
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((Cow::Owned(value), &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            _ => value.push(character),
        }
    }
    None
}
