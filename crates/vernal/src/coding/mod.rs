//! Content codings (RFC 9110 section 8.4.1): bytes made smaller, and made whole again.

mod decode;
mod encode;

use std::fmt;
use std::ops::RangeInclusive;

pub(crate) use decode::{BrokenCoding, Decoder};
pub(crate) use encode::Encoder;

/// A content coding: how a body is compressed on its way.
///
/// ```
/// use vernal::Coding;
///
/// assert_eq!(Coding::Brotli.name(), "br");
/// assert_eq!("X-GZIP".parse(), Ok(Coding::Gzip));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Coding {
    /// `gzip` (RFC 1952): what every client knows.
    Gzip,
    /// `deflate` (RFC 9110 section 8.4.1.2): DEFLATE in the zlib format of RFC 1950, which some old clients take for
    /// DEFLATE alone.
    Deflate,
    /// `br` (RFC 7932): the smallest for text, and slow at its high levels.
    Brotli,
    /// `zstd` (RFC 8878), with the window of RFC 9659: several times as fast as gzip, and smaller.
    Zstd,
}

impl Coding {
    /// All of them.
    pub const ALL: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];

    /// Its registered name, as in `Content-Encoding`.
    pub fn name(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
        }
    }

    /// The levels it has, from the fastest to the smallest. Level 0 of gzip and deflate stores what it is given.
    ///
    /// zstd has higher ones still; they need more memory than RFC 9659 lets a sender expect of a client.
    pub fn levels(self) -> RangeInclusive<u32> {
        match self {
            Coding::Gzip | Coding::Deflate => 0..=9,
            Coding::Brotli => 0..=11,
            Coding::Zstd => 1..=19,
        }
    }

    /// The level for bodies that are compressed as they are sent.
    pub(crate) fn default_level(self) -> u32 {
        match self {
            Coding::Gzip | Coding::Deflate => 6,
            Coding::Brotli => 4,
            Coding::Zstd => 3,
        }
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Coding {
    type Err = UnknownCoding;

    /// Any case; `x-gzip` is `gzip` (RFC 9110 section 8.4.1.3).
    fn from_str(name: &str) -> Result<Self, UnknownCoding> {
        let known = Coding::ALL.into_iter().find(|coding| name.eq_ignore_ascii_case(coding.name()));
        let known = known.or_else(|| name.eq_ignore_ascii_case("x-gzip").then_some(Coding::Gzip));
        known.ok_or(UnknownCoding)
    }
}

/// The name of a content coding that this crate does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownCoding;

impl fmt::Display for UnknownCoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the content codings are gzip, deflate, br and zstd")
    }
}

impl std::error::Error for UnknownCoding {}

#[cfg(test)]
mod tests;
