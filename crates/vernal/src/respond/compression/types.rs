//! Media types as they are set, and as responses have them.

/// A media type, or all of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MediaRange {
    /// `text/html`
    One(String),
    /// `text/`, for `text/*`
    Kind(String),
    /// `application/` and `+json`, for `application/*+json`
    Suffix(String, String),
    /// All that begin so, parameters included.
    Beginning(String),
}

impl MediaRange {
    /// Reads `type/subtype`, `type/*` or `type/*+suffix`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let is_token = |text: &str| {
            let is_mark = |byte| b"!#$%&'+-.^_`|~".contains(&byte);
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || is_mark(byte))
        };
        let lower = text.to_ascii_lowercase();
        match lower.split_once('/') {
            Some((kind, "*")) if is_token(kind) => Ok(MediaRange::Kind(format!("{kind}/"))),
            Some((kind, subtype)) if is_token(kind) => match subtype.strip_prefix("*+") {
                Some(suffix) if is_token(suffix) => {
                    Ok(MediaRange::Suffix(format!("{kind}/"), format!("+{suffix}")))
                }
                None if is_token(subtype) => Ok(MediaRange::One(lower)),
                _ => Err(no_type(text)),
            },
            _ => Err(no_type(text)),
        }
    }

    /// Whether the value of a `Content-Type` field is of this type; its parameters are passed over, but for a beginning.
    pub(super) fn matches(&self, content_type: &[u8]) -> bool {
        let end = content_type.iter().position(|byte| *byte == b';').unwrap_or(content_type.len());
        let media_type = content_type[..end].trim_ascii();
        match self {
            MediaRange::One(one) => media_type.eq_ignore_ascii_case(one.as_bytes()),
            MediaRange::Kind(kind) => starts_with(media_type, kind),
            MediaRange::Beginning(beginning) => starts_with(content_type.trim_ascii_start(), beginning),
            MediaRange::Suffix(kind, suffix) => {
                starts_with(media_type, kind)
                    && media_type.len() > kind.len() + suffix.len()
                    && media_type[media_type.len() - suffix.len()..].eq_ignore_ascii_case(suffix.as_bytes())
            }
        }
    }
}

fn starts_with(text: &[u8], start: &str) -> bool {
    text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
}

fn no_type(text: &str) -> String {
    format!("{text:?} is no media type such as \"text/html\", \"text/*\" or \"application/*+json\"")
}
