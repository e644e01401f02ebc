//! A text message that is checked as its bytes arrive.

use crate::websocket::violation::Violation;

const NOT_UTF8: Violation = Violation::payload("text that is not UTF-8");

/// The text that these bytes are.
pub(crate) fn check(bytes: &[u8]) -> Result<&str, Violation> {
    simdutf8::basic::from_utf8(bytes).map_err(|_| NOT_UTF8)
}

/// Gathers a text. Each byte is checked once, when it arrives, so that a text that cannot become valid any more is
/// refused at once (RFC 6455 section 8.1).
#[derive(Default)]
pub(crate) struct TextBuffer {
    text: String,
    /// The beginning of a character whose end has not arrived.
    begun: [u8; 4],
    begun_length: usize,
}

impl TextBuffer {
    /// Bytes so far.
    pub(crate) fn len(&self) -> usize {
        self.text.len() + self.begun_length
    }

    /// Makes room for so many more bytes.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        self.text.reserve_exact(bytes);
    }

    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> Result<(), Violation> {
        while self.begun_length > 0 {
            let Some((&next, rest)) = bytes.split_first() else { return Ok(()) };
            bytes = rest;
            self.begun[self.begun_length] = next;
            self.begun_length += 1;
            match str::from_utf8(&self.begun[..self.begun_length]) {
                Ok(character) => {
                    self.text.push_str(character);
                    self.begun_length = 0;
                }
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(NOT_UTF8),
            }
        }
        let (whole, begun) = bytes.split_at(bytes.len() - length_of_begun(bytes));
        self.text.push_str(check(whole)?);
        match str::from_utf8(begun) {
            Err(error) if error.error_len().is_some() => Err(NOT_UTF8),
            _ => {
                self.begun[..begun.len()].copy_from_slice(begun);
                self.begun_length = begun.len();
                Ok(())
            }
        }
    }

    /// The text, unless it ends within a character.
    pub(crate) fn finish(self) -> Result<String, Violation> {
        if self.begun_length > 0 { Err(NOT_UTF8) } else { Ok(self.text) }
    }
}

/// How many of the last bytes begin a character that needs more of them.
fn length_of_begun(bytes: &[u8]) -> usize {
    for (back, byte) in (1..).zip(bytes.iter().rev().take(3)) {
        let needed = match byte {
            0x80..=0xbf => continue,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xff => 4,
            _ => return 0,
        };
        return if needed > back { back } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::properties;

    fn gather(pieces: &[&[u8]]) -> Result<String, Violation> {
        let mut buffer = TextBuffer::default();
        for piece in pieces {
            buffer.push(piece)?;
        }
        buffer.finish()
    }

    #[test]
    fn a_text_is_what_the_standard_library_says_wherever_it_is_cut() {
        let byte =
            prop_oneof![any::<u8>(), prop::sample::select(&[0x80, 0xbf, 0xc3, 0xe2, 0xed, 0xf0, 0xf4][..])];
        let bytes =
            prop_oneof![any::<String>().prop_map(String::into_bytes), proptest::collection::vec(byte, 0..8)];
        properties::run_for((bytes, 0_usize..40, 0_usize..40), |(bytes, first, second)| {
            let (left, rest) = bytes.split_at(first.min(bytes.len()));
            let (middle, right) = rest.split_at(second.min(rest.len()));
            let expected = String::from_utf8(bytes.clone()).map_err(|_| NOT_UTF8);
            prop_assert_eq!(gather(&[left, middle, right]), expected.clone());
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(gather(&single), expected);
            Ok(())
        });
    }

    #[test]
    fn what_cannot_become_text_any_more_is_refused_at_once() {
        for (begun, byte) in [
            (&b"abc\xf4"[..], 0x90),
            (b"\xed", 0xa0),
            (b"\xe0", 0x80),
            (b"\xf0", 0x80),
            (b"", 0xff),
            (b"", 0xc0),
            (b"", 0xf5),
            (b"\xce\xba", 0x80),
            (b"\xf0\x9f\x98", 0x20),
        ] {
            let mut buffer = TextBuffer::default();
            assert_eq!(buffer.push(begun), Ok(()), "{begun:x?}");
            assert_eq!(buffer.push(&[byte]), Err(NOT_UTF8), "{begun:x?} {byte:x}");
        }
    }
}
