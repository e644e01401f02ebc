//! Large files on their way, piece by piece.

use vernal::prelude::*;

use crate::pages::{Page, context};

/// What may be sent; the page tells it.
pub(crate) const UPLOAD_LIMIT: usize = 256 * MB;

#[route("/upload", method = "GET")]
async fn page(page: Page) -> Result<String> {
    page.render("upload.html", context! { limit => UPLOAD_LIMIT / MB })
}

// show: upload
#[route("/upload", method = "PUT")]
async fn upload(mut body: BodyReader, #[default("a file")] name: &str) -> Result<Value> {
    let (mut bytes, mut pieces, mut checksum) = (0, 0, Adler::default());
    while let Some(piece) = body.chunk().await? {
        bytes += piece.len();
        pieces += 1;
        checksum.add(&piece);
    }
    Ok(json!({"name": name, "bytes": bytes, "pieces": pieces, "checksum": checksum.to_string()}))
}
// end

/// Adler-32 (RFC 1950 section 8.2): short enough to be compared by eye.
struct Adler {
    sum: u32,
    sums: u32,
}

impl Default for Adler {
    fn default() -> Self {
        Adler { sum: 1, sums: 0 }
    }
}

impl Adler {
    fn add(&mut self, bytes: &[u8]) {
        // as many bytes as cannot overflow 32 bits
        for block in bytes.chunks(5552) {
            for byte in block {
                self.sum += u32::from(*byte);
                self.sums += self.sum;
            }
            self.sum %= 65_521;
            self.sums %= 65_521;
        }
    }
}

impl std::fmt::Display for Adler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:08x}", self.sums << 16 | self.sum)
    }
}

#[cfg(test)]
mod tests {
    use super::Adler;

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        let mut checksum = Adler::default();
        checksum.add(b"Wiki");
        checksum.add(b"pedia");
        assert_eq!(checksum.to_string(), "11e60398");
    }
}
