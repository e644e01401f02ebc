//! `Accept-Encoding`: which coding a client wants (RFC 9110 section 12.5.3).

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;
use smallvec::SmallVec;

use crate::coding::Coding;

/// The first of `offered` that the client likes best; `None` for no coding.
///
/// Without the field the client may take anything (section 12.5.3), but one that does not ask for a coding mostly
/// cannot read it. `identity` that is not named is liked less than every coding that is; one that is refused, with every
/// coding refused as well, is sent all the same: the client can still fail by itself.
pub(super) fn choose(headers: &HeaderMap, offered: impl Iterator<Item = Coding>) -> Option<Coding> {
    let wishes = Wishes::read(headers);
    let mut best = None;
    for coding in offered {
        let quality = wishes.quality(coding.name());
        if quality > best.map_or(0, |(_, other)| other) {
            best = Some((coding, quality));
        }
    }
    let (coding, quality) = best?;
    let identity = wishes.named("identity").unwrap_or(0);
    (quality >= identity).then_some(coding)
}

/// Codings with their quality values, in thousandths.
struct Wishes<'h>(SmallVec<[(&'h str, u16); 8]>);

impl<'h> Wishes<'h> {
    /// Reads all fields of the name; what is malformed is passed over. Of two members for one coding the first counts.
    fn read(headers: &'h HeaderMap) -> Self {
        let lists = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        Wishes(lists.flat_map(|list| list.split(',')).filter_map(wish).collect())
    }

    fn named(&self, name: &str) -> Option<u16> {
        let is_it = |wish: &str| {
            wish.eq_ignore_ascii_case(name) || name == "gzip" && wish.eq_ignore_ascii_case("x-gzip")
        };
        self.0.iter().find(|(wish, _)| is_it(wish)).map(|(_, quality)| *quality)
    }

    fn quality(&self, name: &str) -> u16 {
        self.named(name).or_else(|| self.named("*")).unwrap_or(0)
    }
}

/// `gzip`, or `gzip;q=0.5`. No coding has other parameters.
fn wish(member: &str) -> Option<(&str, u16)> {
    let blanks = [' ', '\t'];
    match member.split_once(';') {
        None => Some((member.trim_matches(blanks), 1000)),
        Some((name, weight)) => {
            let (q, value) = weight.trim_matches(blanks).split_once('=')?;
            let quality = quality(value)?;
            q.eq_ignore_ascii_case("q").then_some((name.trim_matches(blanks), quality))
        }
    }
}

/// A quality value in thousandths: 0 to 1 with at most three digits behind the point (section 12.4.2).
fn quality(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths = fraction.bytes().chain(std::iter::repeat(b'0')).take(3);
    let thousandths = thousandths.fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}
