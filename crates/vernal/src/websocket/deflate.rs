//! permessage-deflate (RFC 7692): what is offered, what is agreed on, and the contexts that compress.

mod context;

pub(crate) use context::{Compressions, Deflater, Inflater};

const EXTENSION: &str = "permessage-deflate";

/// How messages are compressed, for clients that offer to.
///
/// A context that is kept from one message to the next makes small, similar messages much smaller; it costs some
/// 260 KB of memory for each connection that sends and 40 KB for each that receives, from the first compressed
/// message on. Without it, contexts are borrowed for the length of a message, and what one message says cannot be
/// guessed from the length of the next. That is the default.
///
/// ```
/// use vernal::websocket::DeflateSettings;
///
/// let small_and_many = DeflateSettings::default().keep_contexts(true).window_bits(12).threshold(64);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeflateSettings {
    keep_contexts: bool,
    window_bits: u8,
    level: u8,
    threshold: usize,
}

impl Default for DeflateSettings {
    fn default() -> Self {
        DeflateSettings { keep_contexts: false, window_bits: 15, level: 1, threshold: 1024 }
    }
}

impl DeflateSettings {
    /// Whether a message may refer to those before it, in both directions, where the client allows it too; no by
    /// default.
    pub fn keep_contexts(mut self, keep: bool) -> Self {
        self.keep_contexts = keep;
        self
    }

    /// The window is two to the power of so many bytes, in both directions: 9 to 15, 15 by default. Others are
    /// taken as the nearest of these.
    pub fn window_bits(mut self, bits: u8) -> Self {
        self.window_bits = bits.clamp(9, 15);
        self
    }

    /// From 0, not at all, to 9, as small as it gets; 1 by default, which is three times as fast as 6.
    pub fn level(mut self, level: u8) -> Self {
        self.level = level.min(9);
        self
    }

    /// Messages of fewer bytes are sent as they are: compressed they would hardly be smaller. 1024 by default.
    pub fn threshold(mut self, bytes: usize) -> Self {
        self.threshold = bytes;
        self
    }
}

/// What was agreed on with one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DeflateParameters {
    /// Whether a message of the server may refer to those before it.
    pub(crate) server_keeps_context: bool,
    /// Likewise, of the client.
    pub(crate) client_keeps_context: bool,
    pub(crate) server_window_bits: u8,
    pub(crate) client_window_bits: u8,
    pub(crate) level: u8,
    pub(crate) threshold: usize,
}

/// Agrees to the first offer in `Sec-WebSocket-Extensions` that can be met (section 5): the parameters, and the value
/// of the answer's field. Offers that are malformed, or that ask for what is unknown, are declined (section 7.1).
pub(crate) fn negotiate(offers: &str, settings: &DeflateSettings) -> Option<(DeflateParameters, String)> {
    split(offers, ',').filter_map(Offer::parse).find_map(|offer| offer.agree(settings))
}

/// What a client offers.
#[derive(Default)]
struct Offer {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// Without bits of its own the client only says that it would obey.
    client_max_window_bits: Option<u8>,
}

impl Offer {
    fn parse(text: &str) -> Option<Offer> {
        let mut parameters = split(text, ';');
        if !parameters.next()?.eq_ignore_ascii_case(EXTENSION) {
            return None;
        }
        let mut offer = Offer::default();
        for parameter in parameters {
            let (name, value) = match parameter.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim())),
                None => (parameter, None),
            };
            let first_time = match (name.to_ascii_lowercase().as_str(), value) {
                ("server_no_context_takeover", None) => !replace(&mut offer.server_no_context_takeover, true),
                ("client_no_context_takeover", None) => !replace(&mut offer.client_no_context_takeover, true),
                ("server_max_window_bits", Some(value)) => {
                    offer.server_max_window_bits.replace(window_bits(value)?).is_none()
                }
                ("client_max_window_bits", value) => {
                    let bits = value.map_or(Some(15), window_bits)?;
                    offer.client_max_window_bits.replace(bits).is_none()
                }
                _ => return None,
            };
            if !first_time {
                return None;
            }
        }
        Some(offer)
    }

    /// None where the server would have to compress within 256 bytes, which the compressor cannot.
    fn agree(self, settings: &DeflateSettings) -> Option<(DeflateParameters, String)> {
        let mut answer = EXTENSION.to_owned();
        let server_keeps_context = settings.keep_contexts && !self.server_no_context_takeover;
        if !server_keeps_context {
            answer.push_str("; server_no_context_takeover");
        }
        let client_keeps_context = settings.keep_contexts && !self.client_no_context_takeover;
        if !client_keeps_context {
            answer.push_str("; client_no_context_takeover");
        }
        let server_window_bits = self.server_max_window_bits.unwrap_or(15).min(settings.window_bits);
        if server_window_bits < 9 {
            return None;
        }
        if self.server_max_window_bits.is_some() || server_window_bits < 15 {
            answer.push_str(&format!("; server_max_window_bits={server_window_bits}"));
        }
        // a client that did not offer to obey must not be told (section 7.1.2.2)
        let client_window_bits =
            self.client_max_window_bits.map_or(15, |bits| bits.min(settings.window_bits));
        if client_window_bits < 15 {
            answer.push_str(&format!("; client_max_window_bits={client_window_bits}"));
        }
        let parameters = DeflateParameters {
            server_keeps_context,
            client_keeps_context,
            server_window_bits,
            client_window_bits,
            level: settings.level,
            threshold: settings.threshold,
        };
        Some((parameters, answer))
    }
}

fn replace(value: &mut bool, new: bool) -> bool {
    std::mem::replace(value, new)
}

/// 8 to 15, without a leading zero, as a token or in quotes.
fn window_bits(text: &str) -> Option<u8> {
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    match text {
        "8" => Some(8),
        "9" => Some(9),
        _ if text.len() == 2 && text.starts_with('1') => {
            text.parse().ok().filter(|bits| (10..=15).contains(bits))
        }
        _ => None,
    }
}

/// The trimmed parts between separators that are outside of quoted strings.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |character| {
        let separates = character == separator && !quoted;
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        separates
    })
    .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(offers: &str, settings: DeflateSettings) -> Option<String> {
        negotiate(offers, &settings).map(|(_, answer)| answer)
    }

    #[test]
    fn by_default_no_context_is_kept_in_either_direction() {
        let expected = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        let offers = "permessage-deflate; client_max_window_bits";
        assert_eq!(answer(offers, DeflateSettings::default()).as_deref(), Some(expected));
    }

    #[test]
    fn the_answer_meets_the_offer() {
        let keeping = DeflateSettings::default().keep_contexts(true);
        let small = keeping.window_bits(10);
        for (offers, settings, expected) in [
            ("permessage-deflate", keeping, ""),
            ("Permessage-Deflate;Server_No_Context_Takeover", keeping, "; server_no_context_takeover"),
            ("permessage-deflate; client_no_context_takeover", keeping, "; client_no_context_takeover"),
            ("permessage-deflate; client_max_window_bits", keeping, ""),
            ("permessage-deflate; client_max_window_bits=12", keeping, "; client_max_window_bits=12"),
            ("permessage-deflate; server_max_window_bits=\"9\"", keeping, "; server_max_window_bits=9"),
            ("permessage-deflate; client_max_window_bits=8", keeping, "; client_max_window_bits=8"),
            ("permessage-deflate; server_max_window_bits=15", keeping, "; server_max_window_bits=15"),
            ("permessage-deflate", small, "; server_max_window_bits=10"),
            (
                "permessage-deflate; client_max_window_bits=15",
                small,
                "; server_max_window_bits=10; client_max_window_bits=10",
            ),
        ] {
            assert_eq!(answer(offers, settings), Some(format!("permessage-deflate{expected}")), "{offers}");
        }
    }

    #[test]
    fn what_is_malformed_or_unknown_is_declined_and_the_next_offer_taken() {
        let keeping = DeflateSettings::default().keep_contexts(true);
        for declined in [
            "",
            "x-webkit-deflate-frame",
            "permessage-bzip2",
            "permessage-deflate; unknown",
            "permessage-deflate; unknown=1",
            "permessage-deflate;",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=7",
            "permessage-deflate; server_max_window_bits=8",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=09",
            "permessage-deflate; server_max_window_bits=+9",
            "permessage-deflate; server_max_window_bits=1e",
            "permessage-deflate; client_max_window_bits=; client_max_window_bits=9",
            "permessage-deflate; client_max_window_bits=9; client_max_window_bits=9",
        ] {
            assert_eq!(answer(declined, keeping), None, "{declined}");
            let followed = format!("{declined}, other; a=\"x, permessage-deflate\", permessage-deflate");
            assert_eq!(answer(&followed, keeping).as_deref(), Some("permessage-deflate"), "{followed}");
        }
    }
}
