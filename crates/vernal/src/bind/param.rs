//! One argument of a controller, as data.

use std::any::TypeId;
use std::borrow::Cow;

/// One argument of a controller: the start-up check, the binding and every list of mappings read the same data.
///
/// ```
/// use vernal::bind::{Kind, Param, Source};
///
/// let age = Param::new("age", Source::Parameter, Kind::Integer).with_default("16");
/// assert!(!age.required);
/// ```
#[derive(Debug, Clone)]
pub struct Param {
    /// The name under which the request carries the value.
    pub name: Cow<'static, str>,
    /// Where in the request the value is looked for.
    pub source: Source,
    /// How the value is read.
    pub kind: Kind,
    /// The text of the default expression, for documents; the value itself is the face's.
    pub default: Option<Cow<'static, str>>,
    /// Whether a request without the value is answered with 400.
    pub required: bool,
}

impl Param {
    /// A required argument. For a plain value, "the type itself knows" means a parameter.
    pub const fn new(name: &'static str, source: Source, kind: Kind) -> Self {
        let source = match (source, kind) {
            (
                Source::Request,
                Kind::Text | Kind::Integer | Kind::Float | Kind::Boolean | Kind::List(_) | Kind::File,
            ) => Source::Parameter,
            (source, _) => source,
        };
        Param { name: Cow::Borrowed(name), source, kind, default: None, required: true }
    }

    /// The same argument, which may be absent.
    pub const fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    /// The same argument with a default, written as in the source.
    pub fn with_default(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.default = Some(text.into());
        self.required = false;
        self
    }
}

/// Where in the request a value is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A `{variable}` of the path pattern, or the text a wildcard matched.
    Path,
    /// A parameter of the query or of a form.
    Parameter,
    /// A header field.
    Header,
    /// A cookie.
    Cookie,
    /// A group of the regular expression, counted from 0 for the first parenthesis.
    Group(usize),
    /// The type itself knows: all headers, the session, the body, a managed value.
    Request,
}

/// How a value is read.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Text as it came.
    Text,
    /// A whole number.
    Integer,
    /// A number with a fraction.
    Float,
    /// `0`, `false` and the empty text are false, anything else is true.
    Boolean,
    /// Every value of the name, each read as the inner kind.
    List(&'static Kind),
    /// JSON text: the body, or a parameter where the source says so.
    Json,
    /// The whole body.
    Bytes,
    /// The body, piece by piece.
    Reader,
    /// An uploaded file.
    File,
    /// All parameters at once.
    Parameters,
    /// All header fields.
    Headers,
    /// All cookies, or one of them.
    Cookies,
    /// The session.
    Session,
    /// All groups of the regular expression.
    Groups,
    /// A value given to the server with `manage`; the name of its type and its identifier.
    State(fn() -> &'static str, TypeId),
    /// A parameter object with arguments of its own.
    Model(&'static [Param]),
    /// A type with a binding of its own, which may take time.
    Custom,
}

/// What a controller needs of the body before it is called; a later one of these includes the earlier ones, but for
/// `Stream`, which excludes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BodyUse {
    /// Nothing: the body stays unread.
    Nothing,
    /// The parameters of a form, if the body is one.
    Form,
    /// What a form or a JSON text is: [`Request::bytes`](crate::Request::bytes) has it at once, and the parameters of the
    /// form are there. Every other body stays unread, for a [`BodyReader`](crate::BodyReader).
    ///
    /// A JSON text is not parsed before somebody asks for it. A multipart form whose length was not announced, or is over
    /// the limit `body`, is read for its parameters alone, with its files on disk.
    FormOrJson,
    /// The whole body in memory.
    Whole,
    /// The body as a stream: nothing is read before the controller asks.
    Stream,
}

impl BodyUse {
    /// What a controller with these arguments needs of the body.
    pub fn of(params: &[Param]) -> BodyUse {
        params.iter().map(Param::body_use).max().unwrap_or(BodyUse::Nothing)
    }
}

impl Param {
    /// What this argument needs of the body.
    fn body_use(&self) -> BodyUse {
        match (self.kind, self.source) {
            (Kind::Reader, _) => BodyUse::Stream,
            (Kind::Json, Source::Request) | (Kind::Bytes, _) => BodyUse::Whole,
            (Kind::Model(fields), _) => BodyUse::of(fields),
            (Kind::Parameters, _) | (_, Source::Parameter) => BodyUse::Form,
            _ => BodyUse::Nothing,
        }
    }

    /// Whether the value is there at once, when the body has been prepared.
    pub(crate) fn is_immediate(&self) -> bool {
        match self.kind {
            Kind::Custom | Kind::Session => false,
            Kind::Model(fields) => fields.iter().all(Param::is_immediate),
            _ => true,
        }
    }
}
