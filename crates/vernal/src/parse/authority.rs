//! The authority of a target: a host and perhaps a port (RFC 3986 section 3.2, RFC 9110 section 4.2).

use std::net::Ipv6Addr;

/// Whether these bytes name a host, and a port if there is a colon: what a `Host` field, an absolute target, or
/// `:authority` may say of an `http` URI.
///
/// An empty host is refused (RFC 9110 section 4.2.1), and user information too (section 4.2.4). So is a comma, which
/// the grammar allows, but which is what two `Host` fields look like once something has joined them.
pub(crate) fn is_authority(bytes: &[u8]) -> bool {
    match bytes.first() {
        None => false,
        Some(b'[') => match bytes.iter().position(|byte| *byte == b']') {
            Some(end) => is_address(&bytes[1..end]) && is_port(&bytes[end + 1..]),
            None => false,
        },
        Some(_) => {
            let end = name_length(bytes);
            end > 0 && is_port(&bytes[end..])
        }
    }
}

/// What a name is made of beside percent-encoded bytes: unreserved characters and delimiters, but no comma.
static IN_NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = matches!(byte as u8,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~'
            | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b';' | b'=');
        byte += 1;
    }
    table
};

/// How many bytes are a name, from the first on.
fn name_length(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    loop {
        rest = match rest {
            [byte, rest @ ..] if IN_NAME[usize::from(*byte)] => rest,
            [b'%', first, second, rest @ ..] if first.is_ascii_hexdigit() && second.is_ascii_hexdigit() => {
                rest
            }
            _ => return bytes.len() - rest.len(),
        };
    }
}

/// The inside of the brackets: an IPv6 address, or one of the future (`v1.…`), which nobody has seen.
fn is_address(literal: &[u8]) -> bool {
    std::str::from_utf8(literal).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

/// Nothing, or a colon and a port, which may be empty.
fn is_port(bytes: &[u8]) -> bool {
    let Some((b':', digits)) = bytes.split_first() else { return bytes.is_empty() };
    let add = |port: u16, digit: &u8| match digit {
        b'0'..=b'9' => port.checked_mul(10)?.checked_add(u16::from(digit - b'0')),
        _ => None,
    };
    digits.iter().try_fold(0, add).is_some()
}

#[cfg(test)]
mod tests {
    use super::is_authority;

    #[test]
    fn hosts_and_ports() {
        let good = [
            "x",
            "example.com",
            "example.com:",
            "example.com:80",
            "127.0.0.1:65535",
            "[::1]",
            "[::1]:8080",
            "a_b",
            "%41",
            "xn--a",
            "a.",
        ];
        for authority in good {
            assert!(is_authority(authority.as_bytes()), "{authority}");
        }
    }

    #[test]
    fn what_is_no_host() {
        let bad = [
            "",
            ":80",
            "a b",
            "a,b",
            "a:b",
            "a:80:80",
            "a:65536",
            "a:-1",
            "a:+80",
            "u@a",
            "a/b",
            "a?b",
            "a#b",
            "a\\b",
            "[::1",
            "::1",
            "[::1]x",
            "[::1%25eth0]",
            "[1.2.3.4]",
            "[]",
            "%4",
            "%zz",
            "a\0",
            "a\tb",
            "<a>",
            "\u{e9}",
            "a|b",
        ];
        for authority in bad {
            assert!(!is_authority(authority.as_bytes()), "{authority:?}");
        }
    }
}
