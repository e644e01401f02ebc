//! Path patterns: exact, with `{variables}`, with a wildcard at one end.

use std::cmp::Reverse;
use std::ops::Range;

use smallvec::SmallVec;

/// Where a pattern's values stand in the path it was matched against, in bytes, in order of the pattern's variables.
pub type Values = SmallVec<[Range<u32>; 4]>;

/// A path pattern (`spec/02` section 2), used for routes, filters and static resources.
///
/// | pattern | matches |
/// |---|---|
/// | `/a/b` | exactly this path |
/// | `/a/{x}`, `/a/{x}-{y}.json` | a variable is one or more characters of one segment, as many as can be |
/// | `/a/*`, `/a*` | what stands before the `*`, then one or more characters of one segment |
/// | `/a/**` | what stands before the `**`, then one or more characters, slashes too |
/// | `*/a`, `*.ico` | the same from the other end: one segment, then what stands behind the `*` |
/// | `**/a`, `**.ico` | any depth, then what stands behind the `**` |
///
/// All other characters stand for themselves; case matters, and so does a slash at the end. The leading slash of a
/// pattern is optional, that of a path is not. A wildcard takes at least one character: `/*` and `/**` never match
/// the root. Braces around anything but a word are text.
///
/// ```
/// use vernal::route::Pattern;
///
/// let pattern = Pattern::parse("/files/{name}.{kind}")?;
/// let path = "/files/report.2024.pdf";
/// let values = pattern.matches(path).ok_or("no match")?;
/// let texts: Vec<&str> = values.iter().map(|value| &path[value.start as usize..value.end as usize]).collect();
///
/// assert_eq!(pattern.variable_names(), ["name", "kind"]);
/// assert_eq!(texts, ["report.2024", "pdf"]);
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    shape: Shape,
    names: Vec<String>,
    characters: Characters,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// A text that says what is wrong: a `*` in the middle, a `*` together with variables, a name used twice.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        let path = text.strip_prefix('/').unwrap_or(text);
        let mut names = Vec::new();
        let segments: Vec<Segment> = path.split('/').map(|part| Segment::parse(part, &mut names)).collect();
        if let Some((_, name)) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
            return Err(format!("the variable {{{name}}} is named twice: {text:?}"));
        }
        let shape = if names.is_empty() {
            Shape::without_names(path).ok_or_else(|| {
                format!("a * or ** may only stand at the start or at the end of a path: {text:?}")
            })?
        } else if path.contains('*') {
            return Err(format!("a path has either {{variables}} or a * or **, not both: {text:?}"));
        } else {
            Shape::Segments(segments)
        };
        Ok(Pattern { text: text.to_owned(), shape, names, characters: Characters::default() })
    }

    /// Lets variables and wildcards take only these characters (and `/`, for `**`) instead of all.
    pub fn variable_characters(mut self, allowed: fn(char) -> bool) -> Pattern {
        self.characters = Characters(Some(allowed));
        self
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The names of the variables from left to right; none for exact and wildcard patterns.
    pub fn variable_names(&self) -> &[String] {
        &self.names
    }

    /// Whether the pattern has a `*` or `**`: then it yields exactly one value, without a name.
    pub fn is_wildcard(&self) -> bool {
        self.names.is_empty() && !self.is_exact()
    }

    /// Whether the pattern is one path and yields no values.
    pub(super) fn is_exact(&self) -> bool {
        matches!(self.shape, Shape::Exact(_))
    }

    /// The values of the variables or of the wildcard, if the whole path matches.
    ///
    /// The path is decoded text with its leading slash. The time it takes grows with the path's length only.
    pub fn matches(&self, path: &str) -> Option<Values> {
        let rest = path.strip_prefix('/')?;
        let mut values = Values::new();
        match &self.shape {
            Shape::Exact(text) => (rest == text).then_some(values),
            Shape::Segments(segments) => {
                let mut rest = Some(rest);
                for segment in segments {
                    let from_here = rest?;
                    let (part, below) = split_segment(from_here);
                    segment.capture(part, path.len() - from_here.len(), self.characters, &mut values)?;
                    rest = below;
                }
                rest.is_none().then_some(values)
            }
            Shape::Deep(prefix) => {
                let value = rest.strip_prefix(prefix.as_str())?;
                values.push(range(1 + prefix.len(), path.len()));
                self.characters.permit_path(value).then_some(values)
            }
            Shape::Suffix(suffix) => {
                let value = rest.strip_suffix(suffix.as_str())?;
                values.push(range(1, 1 + value.len()));
                self.characters.permit_path(value).then_some(values)
            }
        }
    }

    pub(super) fn shape(&self) -> &Shape {
        &self.shape
    }
}

/// A pattern without the names of its variables: patterns of one shape match the same paths.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Shape {
    /// The whole path, without its leading slash.
    Exact(String),
    /// Variables, `P*` and `*S`: as many segments as the path has.
    Segments(Vec<Segment>),
    /// `P**`
    Deep(String),
    /// `**S`
    Suffix(String),
}

impl Shape {
    /// Exact or a wildcard; `None` where a `*` stands elsewhere than at one end.
    fn without_names(path: &str) -> Option<Shape> {
        let plain = |text: &str| !text.contains('*');
        if let Some(suffix) = path.strip_prefix("**") {
            plain(suffix).then(|| Shape::Suffix(suffix.to_owned()))
        } else if let Some(suffix) = path.strip_prefix('*') {
            plain(suffix).then(|| Shape::with_wildcard("", suffix))
        } else if let Some(prefix) = path.strip_suffix("**") {
            plain(prefix).then(|| Shape::Deep(prefix.to_owned()))
        } else if let Some(prefix) = path.strip_suffix('*') {
            plain(prefix).then(|| Shape::with_wildcard(prefix, ""))
        } else {
            plain(path).then(|| Shape::Exact(path.to_owned()))
        }
    }

    /// A `*` is a variable without a name.
    fn with_wildcard(before: &str, behind: &str) -> Shape {
        let literal = |text: &str| Segment::Literal(text.to_owned());
        let (leading, before) = before.rsplit_once('/').map_or((None, before), |(l, b)| (Some(l), b));
        let (behind, trailing) = behind.split_once('/').map_or((behind, None), |(b, t)| (b, Some(t)));
        let mut segments: Vec<Segment> =
            leading.iter().flat_map(|text| text.split('/')).map(literal).collect();
        segments.push(Segment::around_variables(vec![before.to_owned(), behind.to_owned()]));
        segments.extend(trailing.iter().flat_map(|text| text.split('/')).map(literal));
        Shape::Segments(segments)
    }

    /// The key that puts the more specific shape first: segment by segment from the left literal text, then text
    /// mixed with variables, then a whole variable, then `**`; longer text first; `**S` behind all others.
    pub(super) fn specificity(&self) -> Vec<Specificity> {
        let literals =
            |text: &str| text.split('/').map(|part| Specificity::new(0, &[part])).collect::<Vec<_>>();
        match self {
            Shape::Exact(text) => literals(text),
            Shape::Segments(segments) => segments
                .iter()
                .map(|segment| match segment {
                    Segment::Literal(text) => Specificity::new(0, &[text]),
                    Segment::Mixed(texts) => Specificity::new(1, texts),
                    Segment::Variable => Specificity::new(2, &[""]),
                })
                .collect(),
            Shape::Deep(prefix) => {
                let (leading, last) =
                    prefix.rsplit_once('/').map_or((None, prefix.as_str()), |(l, p)| (Some(l), p));
                let mut key = leading.map(literals).unwrap_or_default();
                key.push(Specificity::new(3, &[last]));
                key
            }
            Shape::Suffix(suffix) => vec![Specificity::new(4, &[suffix])],
        }
    }
}

/// How specific one segment is; the smaller key goes first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Specificity {
    class: u8,
    text_length: Reverse<usize>,
    /// Of equally long texts the one that begins further left goes first: `file-{n}` before `{n}.json`.
    first_length: Reverse<usize>,
}

impl Specificity {
    fn new(class: u8, texts: &[impl AsRef<str>]) -> Specificity {
        let mut lengths = texts.iter().map(|text| text.as_ref().len());
        let first = lengths.next().unwrap_or(0);
        Specificity {
            class,
            text_length: Reverse(first + lengths.sum::<usize>()),
            first_length: Reverse(first),
        }
    }
}

/// What one segment of a path, the text between two slashes, has to be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Segment {
    Literal(String),
    Variable,
    /// The texts around variables: before the first, between each two, behind the last.
    Mixed(Vec<String>),
}

impl Segment {
    fn parse(part: &str, names: &mut Vec<String>) -> Segment {
        let mut literals = vec![String::new()];
        let mut rest = part;
        while let Some(open) = rest.find('{') {
            let (before, from_brace) = rest.split_at(open);
            push_to_last(&mut literals, before);
            match variable_name(from_brace) {
                Some(name) => {
                    names.push(name.to_owned());
                    literals.push(String::new());
                    rest = &from_brace[name.len() + 2..];
                }
                None => {
                    push_to_last(&mut literals, "{");
                    rest = &from_brace[1..];
                }
            }
        }
        push_to_last(&mut literals, rest);
        Segment::around_variables(literals)
    }

    fn around_variables(mut literals: Vec<String>) -> Segment {
        match literals.as_mut_slice() {
            [text] => Segment::Literal(std::mem::take(text)),
            [before, behind] if before.is_empty() && behind.is_empty() => Segment::Variable,
            _ => Segment::Mixed(literals),
        }
    }

    /// Adds the values of `part`, which stands at `start` in the path; `None` where it does not match.
    fn capture(&self, part: &str, start: usize, characters: Characters, values: &mut Values) -> Option<()> {
        match self {
            Segment::Literal(text) => (part == text).then_some(()),
            Segment::Variable => {
                values.push(range(start, start + part.len()));
                characters.permit(part).then_some(())
            }
            Segment::Mixed(literals) => capture_mixed(literals, part, start, characters, values),
        }
    }

    pub(super) fn matches(&self, part: &str, characters: Characters) -> bool {
        self.capture(part, 0, characters, &mut Values::new()).is_some()
    }
}

fn push_to_last(literals: &mut [String], text: &str) {
    if let Some(last) = literals.last_mut() {
        last.push_str(text);
    }
}

/// The word in the braces that `text` starts with; anything else in braces is no variable.
fn variable_name(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix('{')?.split_once('}')?;
    let is_word = !name.is_empty() && name.chars().all(|c| c == '_' || c.is_alphanumeric());
    is_word.then_some(name)
}

/// Gives each variable, from the left, as much as it can have, as a greedy regular expression would.
///
/// It goes from right to left and takes the last place of each text that leaves the variable behind it a character.
/// No earlier place can do better: it would give the variable behind more, including all that it has now, and those
/// before less. So nothing is ever tried twice, however the path is made.
fn capture_mixed(
    literals: &[String],
    part: &str,
    start: usize,
    characters: Characters,
    values: &mut Values,
) -> Option<()> {
    let [first, between @ .., last] = literals else { return None };
    let text = part.strip_prefix(first.as_str())?.strip_suffix(last.as_str())?;
    let start = start + first.len();
    let already = values.len();
    let mut end = text.len();
    for literal in between.iter().rev() {
        let (limit, _) = text[..end].char_indices().next_back()?;
        let at = text[..limit].rfind(literal.as_str())?;
        let value = at + literal.len()..end;
        values.push(range(start + value.start, start + value.end));
        if !characters.permit(&text[value]) {
            return None;
        }
        end = at;
    }
    values.push(range(start, start + end));
    values[already..].reverse();
    characters.permit(&text[..end]).then_some(())
}

/// A segment and what follows its slash. Segments are short: a plain loop is faster than a search made for long texts.
pub(super) fn split_segment(path: &str) -> (&str, Option<&str>) {
    match path.bytes().position(|byte| byte == b'/') {
        Some(slash) => (&path[..slash], Some(&path[slash + 1..])),
        None => (path, None),
    }
}

/// The request target is bounded far below 4 GB (`Limits::target_bytes`).
fn range(start: usize, end: usize) -> Range<u32> {
    start as u32..end as u32
}

/// Which characters variables may take: all, or those of a function.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Characters(pub(super) Option<fn(char) -> bool>);

impl Characters {
    /// Whether this text, which has no slash, may be a variable's value.
    pub(super) fn permit(self, text: &str) -> bool {
        !text.is_empty() && self.0.is_none_or(|allowed| text.chars().all(allowed))
    }

    /// Whether this text may be the value of a `**`.
    pub(super) fn permit_path(self, text: &str) -> bool {
        !text.is_empty() && self.0.is_none_or(|allowed| text.chars().all(|c| c == '/' || allowed(c)))
    }
}

#[cfg(test)]
mod tests;
