//! Texts to values, and what is said when a text does not fit (`spec/03` section 2).

use crate::HttpError;
use crate::bind::{Kind, Param, Source};

/// What a text should have been, for the answer to the client: `an int`, `a float`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected(pub &'static str);

/// A value that is read from one text: a path value, a parameter, a header field, a cookie or a group.
///
/// Implement it for a type of your own to use that type as a plain argument.
///
/// ```
/// use vernal::bind::{Expected, FromText, Kind};
///
/// struct Percent(u8);
///
/// impl FromText for Percent {
///     const KIND: Kind = Kind::Integer;
///     fn from_text(text: &str) -> Result<Self, Expected> {
///         let wanted = Expected("a number from 0 to 100");
///         text.parse().ok().filter(|number| *number <= 100).map(Percent).ok_or(wanted)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a controller",
    label = "nothing binds a value of this type",
    note = "use `Model<{Self}>` to read it from the parameters, `Json<{Self}>` from the body, `State<{Self}>` from the server",
    note = "or derive `Model`, or implement `FromRequest` for it"
)]
pub trait FromText: Sized + Send {
    /// How a text is read.
    const KIND: Kind;

    /// Reads the text, or says what it should have been.
    fn from_text(text: &str) -> Result<Self, Expected>;
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl FromText for $type {
            const KIND: Kind = Kind::Integer;

            fn from_text(text: &str) -> Result<Self, Expected> {
                use std::num::IntErrorKind::{NegOverflow, PosOverflow};
                text.trim().parse::<$type>().map_err(|error| match error.kind() {
                    PosOverflow | NegOverflow => Expected(concat!("an int that fits ", stringify!($type))),
                    _ if text.trim().parse::<i128>().is_ok() => Expected("an int that is not negative"),
                    _ => Expected("an int"),
                })
            }
        }
    )*};
}

integers!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);

macro_rules! floats {
    ($($type:ty),*) => {$(
        impl FromText for $type {
            const KIND: Kind = Kind::Float;

            fn from_text(text: &str) -> Result<Self, Expected> {
                text.trim().parse().map_err(|_| Expected("a float"))
            }
        }
    )*};
}

floats!(f32, f64);

impl FromText for String {
    const KIND: Kind = Kind::Text;

    fn from_text(text: &str) -> Result<Self, Expected> {
        Ok(text.to_owned())
    }
}

impl FromText for bool {
    const KIND: Kind = Kind::Boolean;

    fn from_text(text: &str) -> Result<Self, Expected> {
        Ok(!(text.is_empty() || text == "0" || text.eq_ignore_ascii_case("false")))
    }
}

impl FromText for char {
    const KIND: Kind = Kind::Text;

    fn from_text(text: &str) -> Result<Self, Expected> {
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            (Some(character), None) => Ok(character),
            _ => Err(Expected("a single character")),
        }
    }
}

/// The 400 for a value that is not there.
pub(crate) fn missing(param: &Param) -> HttpError {
    let (what, place) = match param.source {
        Source::Header => ("Missing Header", "Header"),
        Source::Cookie => ("Missing Cookie", "Cookie"),
        Source::Path => ("Missing Path Value", "PathValue"),
        Source::Group(index) => {
            return HttpError::new(400)
                .message("Missing Group")
                .explain(format!("Group[{index}] took no part in the match."));
        }
        Source::Parameter | Source::Request => ("Missing Parameter", "Parameter"),
    };
    HttpError::new(400).message(what).explain(format!("{place}[{}] is required.", param.name))
}

/// The 400 for a text that is not what its argument wants.
pub(crate) fn unreadable(param: &Param, expected: Expected) -> HttpError {
    HttpError::bad_request(format!("{}[{}] should be {}.", place(param), param.name, expected.0))
}

/// The 400 for one of several values that is not what the list wants.
pub(crate) fn unreadable_item(param: &Param, expected: Expected) -> HttpError {
    let wanted = expected.0.trim_start_matches("an ").trim_start_matches("a ");
    let place = place(param).to_ascii_lowercase();
    HttpError::bad_request(format!("One of the {place}[{}] is not {wanted}.", param.name))
}

/// Where the value was looked for, as the answer to the client calls it.
fn place(param: &Param) -> &'static str {
    match param.source {
        Source::Header => "Header",
        Source::Cookie => "Cookie",
        Source::Path => "PathValue",
        Source::Group(_) => "Group",
        Source::Parameter | Source::Request => "Parameter",
    }
}
