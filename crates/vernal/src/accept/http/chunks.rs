//! The chunks of a body as they pass: where it ends, and that its framing leaves no doubt (RFC 9112 section 7.1).

/// Where in a chunked body the next byte is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Chunks {
    /// In the digits of a size, of which there were so many.
    Size(u64, u8),
    /// Behind the digits, before a semicolon.
    Space(u64),
    Extension(u64),
    SizeEnd(u64),
    Data(u64),
    DataReturn,
    DataEnd,
    /// At the begin of a trailer, or of the empty line that ends all.
    Line,
    Trailer,
    TrailerEnd,
    LastEnd,
    Over,
}

impl Chunks {
    pub(crate) fn new() -> Self {
        Chunks::Size(0, 0)
    }

    /// Follows the bytes to the end of the body at most; answers how many belong to it.
    ///
    /// # Errors
    ///
    /// What is wrong, with the number of bytes before it.
    pub(crate) fn advance(&mut self, bytes: &[u8]) -> Result<usize, (usize, &'static str)> {
        let mut at = 0;
        while at < bytes.len() && *self != Chunks::Over {
            match *self {
                Chunks::Data(left) => {
                    let length = (bytes.len() - at).min(usize::try_from(left).unwrap_or(usize::MAX));
                    at += length;
                    let left = left - length as u64;
                    *self = if left == 0 { Chunks::DataReturn } else { Chunks::Data(left) };
                }
                _ => {
                    *self = self.step(bytes[at]).map_err(|explain| (at, explain))?;
                    at += 1;
                }
            }
        }
        Ok(at)
    }

    fn step(self, byte: u8) -> Result<Self, &'static str> {
        let is_text = byte == b'\t' || (byte >= b' ' && byte != 0x7f);
        Ok(match (self, byte) {
            (Chunks::Size(size, digits), _) if byte.is_ascii_hexdigit() => {
                let digit = (byte as char).to_digit(16).map_or(0, u64::from);
                let size = size.checked_mul(16).and_then(|size| size.checked_add(digit));
                Chunks::Size(size.ok_or(BAD_SIZE)?, digits.saturating_add(1))
            }
            (Chunks::Size(_, 0), _) => return Err(BAD_SIZE),
            (Chunks::Size(size, _) | Chunks::Space(size), b';') => Chunks::Extension(size),
            (Chunks::Size(size, _) | Chunks::Space(size), b' ' | b'\t') => Chunks::Space(size),
            (Chunks::Size(size, _) | Chunks::Extension(size), b'\r') => Chunks::SizeEnd(size),
            (Chunks::Size(..) | Chunks::Space(_), _) => return Err(BAD_SIZE),
            (Chunks::Extension(_), _) if is_text => self,
            (Chunks::Extension(_), _) => return Err("the extension of a chunk is malformed"),
            (Chunks::SizeEnd(0), b'\n') => Chunks::Line,
            (Chunks::SizeEnd(size), b'\n') => Chunks::Data(size),
            (Chunks::DataReturn, b'\r') => Chunks::DataEnd,
            (Chunks::DataEnd, b'\n') => Chunks::new(),
            (Chunks::DataReturn | Chunks::DataEnd, _) => return Err("a chunk is longer than it says"),
            (Chunks::Line, b'\r') => Chunks::LastEnd,
            (Chunks::LastEnd, b'\n') => Chunks::Over,
            (Chunks::Line, b' ' | b'\t') => return Err(BAD_TRAILER),
            (Chunks::Trailer, b'\r') => Chunks::TrailerEnd,
            (Chunks::TrailerEnd, b'\n') => Chunks::Line,
            (Chunks::Line | Chunks::Trailer, _) if is_text => Chunks::Trailer,
            (Chunks::Line | Chunks::Trailer | Chunks::TrailerEnd, _) => return Err(BAD_TRAILER),
            (Chunks::SizeEnd(_) | Chunks::LastEnd, _) => {
                return Err("a line ends in a carriage return without a line feed");
            }
            // `advance` does not step here
            (Chunks::Data(_) | Chunks::Over, _) => self,
        })
    }
}

const BAD_SIZE: &str = "the size of a chunk is malformed";
const BAD_TRAILER: &str = "a trailer field is malformed";
