//! `Content-Disposition`: the name under which a browser saves a file (RFC 6266).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but the `attr-char` of RFC 8187 section 3.2.1.
const NOT_IN_EXTENDED_VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// `attachment` with this file name.
///
/// Control characters, among them the line break that would start a header field of its own, and path separators
/// become `_`. Of quotes, backslashes and percent signs RFC 6266 appendix D says that browsers disagree about them,
/// so a name with these or with characters beyond ASCII is sent in both forms: plain with `_` in their place, and
/// extended, which every browser of today prefers.
pub(super) fn attachment(name: &str) -> String {
    let name: String = name
        .chars()
        .map(
            |character| {
                if character.is_control() || matches!(character, '/' | '\\') { '_' } else { character }
            },
        )
        .collect();
    if name.is_empty() {
        return "attachment".to_owned();
    }
    let plain: String =
        name.chars().map(|character| if is_plain(character) { character } else { '_' }).collect();
    if plain == name {
        return format!("attachment; filename=\"{plain}\"");
    }
    let extended = utf8_percent_encode(&name, NOT_IN_EXTENDED_VALUE);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{extended}")
}

fn is_plain(character: char) -> bool {
    character.is_ascii() && !matches!(character, '"' | '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_sent_so_that_every_browser_reads_it_and_nothing_breaks_out() {
        for (name, expected) in [
            ("report.pdf", "attachment; filename=\"report.pdf\""),
            ("Report 2026; final.pdf", "attachment; filename=\"Report 2026; final.pdf\""),
            ("中.txt", "attachment; filename=\"_.txt\"; filename*=UTF-8''%E4%B8%AD.txt"),
            ("a\"b.txt", "attachment; filename=\"a_b.txt\"; filename*=UTF-8''a%22b.txt"),
            ("100%25.txt", "attachment; filename=\"100_25.txt\"; filename*=UTF-8''100%2525.txt"),
            ("it's é", "attachment; filename=\"it's _\"; filename*=UTF-8''it%27s%20%C3%A9"),
            ("a\r\nX-Evil: 1", "attachment; filename=\"a__X-Evil: 1\""),
            ("a\0\u{7f}\u{85}b", "attachment; filename=\"a___b\""),
            ("../..\\etc/passwd", "attachment; filename=\".._.._etc_passwd\""),
            ("", "attachment"),
        ] {
            assert_eq!(attachment(name), expected, "{name:?}");
        }
    }
}
