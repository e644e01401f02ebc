//! Structs from parameters, through serde (the reference's default model binding, `spec/03` section 3).

use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use smallvec::SmallVec;

use crate::HttpError;
use crate::parse::{ParamValue, Params};

/// How much of a name, or of an error text that may quote the client's own, is passed on.
const EXPLAIN_BYTES: usize = 300;

/// A value that serde reads from the request's parameters, a field from the parameter of its name.
///
/// | type of a field | is read from |
/// |---|---|
/// | `String`, numbers, `char`, enums without data | the first text value |
/// | `bool` | likewise; `0`, `false` and the empty text are false, all others true |
/// | `Option` | absent: `None` |
/// | `Vec`, tuples, sets | all values |
/// | structs and maps | JSON text in the first value |
///
/// `T` itself may be a struct or a map such as `HashMap<String, Vec<String>>`. Parameters without a field are passed
/// over. A `Vec` may be absent if the field has `#[serde(default)]`. `#[serde(flatten)]` works for texts only.
///
/// An absent parameter is a 400 with the message `Missing Parameter` and the explanation
/// `Parameter[age] is required.`; one that does not fit is a 400 such as `Parameter[age] should be an int.`
///
/// ```
/// use serde::Deserialize;
/// use vernal::Model;
///
/// #[derive(Deserialize)]
/// struct Person {
///     name: String,
///     age: Option<u8>,
/// }
///
/// fn greet(person: Model<Person>) -> String {
///     format!("hello, {}", person.name)
/// }
///
/// assert_eq!(greet(Model(Person { name: "Keijack".into(), age: None })), "hello, Keijack");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Model<T>(pub T);

impl<T> Deref for Model<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Model<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// Reads a `T` from the parameters; the errors are those that [`Model`] describes.
pub(crate) fn from_params<T: DeserializeOwned>(params: &Params) -> Result<T, HttpError> {
    T::deserialize(ParamsDeserializer { params }).map_err(HttpError::from)
}

/// Why a value could not be read, and from which parameter where that is known.
#[derive(Debug)]
struct ModelError {
    name: Option<String>,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    Missing,
    /// What the parameter should be.
    ShouldBe(String),
    /// What a `Deserialize` of serde's or the application's own says.
    Other(String),
}

impl ModelError {
    fn should_be(what: impl Into<String>) -> Self {
        ModelError { name: None, problem: Problem::ShouldBe(what.into()) }
    }

    /// The error with the name of the parameter, where it has none.
    fn of(mut self, name: &str) -> Self {
        self.name.get_or_insert_with(|| name.to_owned());
        self
    }
}

impl From<ModelError> for HttpError {
    fn from(error: ModelError) -> Self {
        let http_error = match error.problem {
            Problem::Missing => HttpError::new(400).message("Missing Parameter"),
            _ => HttpError::new(400),
        };
        http_error.explain(error.to_string())
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "Parameter[{}]", abbreviated(name))?,
            None => f.write_str("The parameters")?,
        }
        match &self.problem {
            Problem::Missing => f.write_str(" is required."),
            Problem::ShouldBe(what) => write!(f, " should be {what}."),
            Problem::Other(text) => {
                write!(f, " cannot be read: {}", abbreviated(text))
            }
        }
    }
}

/// The text without what would make an answer or a line of the log as long as the request.
fn abbreviated(text: &str) -> &str {
    &text[..text.floor_char_boundary(EXPLAIN_BYTES)]
}

impl std::error::Error for ModelError {}

impl de::Error for ModelError {
    fn custom<T: fmt::Display>(text: T) -> Self {
        ModelError { name: None, problem: Problem::Other(text.to_string()) }
    }

    fn missing_field(field: &'static str) -> Self {
        ModelError { name: Some(field.to_owned()), problem: Problem::Missing }
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        ModelError { name: Some(field.to_owned()), problem: Problem::Other("nobody asked for it".to_owned()) }
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        ModelError::should_be(format!("one of {}", expected.join(", ")))
    }
}

/// All parameters: a map.
struct ParamsDeserializer<'de> {
    params: &'de Params,
}

impl<'de> Deserializer<'de> for ParamsDeserializer<'de> {
    type Error = ModelError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ModelError> {
        visitor.visit_map(Fields { groups: self.params.grouped().into_iter(), value: None })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ModelError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ModelError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ModelError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ModelError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

type Values<'de> = SmallVec<[ParamValue<'de>; 1]>;

/// The parameters as fields of a struct or entries of a map.
struct Fields<'de> {
    groups: std::vec::IntoIter<(&'de str, Values<'de>)>,
    /// The field whose value comes next.
    value: Option<(&'de str, Values<'de>)>,
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = ModelError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ModelError> {
        let Some((name, values)) = self.groups.next() else { return Ok(None) };
        self.value = Some((name, values));
        seed.deserialize(ValueDeserializer { values: &[ParamValue::Text(name)] })
            .map(Some)
            .map_err(|error| error.of(name))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ModelError> {
        let (name, values) =
            self.value.take().ok_or_else(|| de::Error::custom("a value was read before its name"))?;
        seed.deserialize(ValueDeserializer { values: &values }).map_err(|error| error.of(name))
    }
}

/// The values of one parameter, at least one.
#[derive(Clone, Copy)]
struct ValueDeserializer<'de, 'v> {
    values: &'v [ParamValue<'de>],
}

impl<'de> ValueDeserializer<'de, '_> {
    /// The first text value.
    fn text(self) -> Result<&'de str, ModelError> {
        let text = self.values.iter().find_map(|value| value.text());
        text.ok_or_else(|| ModelError::should_be("a text, not a file"))
    }
}

/// Methods that parse the text, with the spaces around it removed.
macro_rules! parsed {
    ($($method:ident $visit:ident $type:ty, $what:literal;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ModelError> {
            let value: Option<$type> = self.text()?.trim().parse().ok();
            visitor.$visit(value.ok_or_else(|| ModelError::should_be($what))?)
        })*
    };
}

impl<'de> Deserializer<'de> for ValueDeserializer<'de, '_> {
    type Error = ModelError;

    parsed! {
        deserialize_i8 visit_i8 i8, "an int";
        deserialize_i16 visit_i16 i16, "an int";
        deserialize_i32 visit_i32 i32, "an int";
        deserialize_i64 visit_i64 i64, "an int";
        deserialize_i128 visit_i128 i128, "an int";
        deserialize_u8 visit_u8 u8, "an int";
        deserialize_u16 visit_u16 u16, "an int";
        deserialize_u32 visit_u32 u32, "an int";
        deserialize_u64 visit_u64 u64, "an int";
        deserialize_u128 visit_u128 u128, "an int";
        deserialize_f32 visit_f32 f32, "a float";
        deserialize_f64 visit_f64 f64, "a float";
    }

    /// A single value is a text and several are a list, for types that take what comes.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ModelError> {
        if self.values.len() == 1 { self.deserialize_str(visitor) } else { self.deserialize_seq(visitor) }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ModelError> {
        let text = self.text()?;
        visitor.visit_bool(!(text.is_empty() || text == "0" || text.eq_ignore_ascii_case("false")))
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ModelError> {
        let mut characters = self.text()?.chars();
        match (characters.next(), characters.next()) {
            (Some(character), None) => visitor.visit_char(character),
            _ => Err(ModelError::should_be("a single character")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ModelError> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ModelError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ModelError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ModelError> {
        visitor.visit_borrowed_bytes(self.text()?.as_bytes())
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ModelError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ModelError> {
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ModelError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ModelError> {
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ModelError> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ModelError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ModelError> {
        visitor.visit_seq(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, ModelError> {
        if self.values.len() < length {
            return Err(ModelError::should_be(format!("there {length} times")));
        }
        visitor.visit_seq(self)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, ModelError> {
        self.deserialize_tuple(length, visitor)
    }

    /// A map in a parameter is JSON text, as for the reference's `dict` arguments.
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ModelError> {
        let mut json = serde_json::Deserializer::from_str(self.text()?);
        json.deserialize_map(visitor)
            .and_then(|value| json.end().map(|()| value))
            .map_err(|_| ModelError::should_be("a JSON string"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ModelError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ModelError> {
        visitor.visit_enum(self.text()?.into_deserializer())
    }
}

/// Each value of the parameter for itself.
impl<'de> SeqAccess<'de> for ValueDeserializer<'de, '_> {
    type Error = ModelError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ModelError> {
        let Some((value, rest)) = self.values.split_first() else { return Ok(None) };
        self.values = rest;
        seed.deserialize(ValueDeserializer { values: std::slice::from_ref(value) }).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.values.len())
    }
}

#[cfg(test)]
mod tests;
