//! JSON as Python's module `json` has it: values as the text of `json.dumps(value, ensure_ascii=False)`, byte for byte,
//! and texts as the values of `json.loads(text)`.

use jiter::{PythonParse, StringCacheMode};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::names::Names;

/// How deep values may be nested before Python's own encoder decides.
const DEPTH: usize = 100;

/// The value of a text. What only Python takes (`NaN`, numbers of any length, halves of characters), and what is no JSON,
/// is left to Python.
///
/// # Errors
///
/// What Python's decoder raises for a text that is no JSON.
pub(crate) fn from_json<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    let parse = PythonParse { cache_mode: StringCacheMode::Keys, ..PythonParse::default() };
    parse.python_parse(py, text.as_bytes()).or_else(|_| Names::get(py)?.loads.bind(py).call1((text,)))
}

/// The text of a value.
///
/// # Errors
///
/// What Python's encoder raises for a value that JSON has no word for.
pub(crate) fn to_json(value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let mut text = Vec::with_capacity(1024);
    if write(value, &mut text, DEPTH).is_some() {
        return Ok(text);
    }
    by_python(value)
}

/// The text as Python makes it; what UTF-8 has no form for becomes `?`.
fn by_python(value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let py = value.py();
    let options = PyDict::new(py);
    options.set_item("ensure_ascii", false)?;
    let text = Names::get(py)?.dumps.bind(py).call((value,), Some(&options))?;
    utf8(text.cast::<PyString>()?)
}

/// The bytes of a text; what UTF-8 has no form for becomes `?` (`spec/04` section 3).
pub(crate) fn utf8(text: &Bound<'_, PyString>) -> PyResult<Vec<u8>> {
    match text.to_str() {
        Ok(text) => Ok(text.as_bytes().to_vec()),
        Err(_) => text.call_method1("encode", ("utf-8", "replace"))?.extract(),
    }
}

/// Writes a value of the plain types; none where Python's encoder has to do it.
fn write(value: &Bound<'_, PyAny>, text: &mut Vec<u8>, depth: usize) -> Option<()> {
    if let Ok(string) = value.cast::<PyString>() {
        return write_text(string, text);
    }
    if value.is_none() {
        text.extend_from_slice(b"null");
    } else if let Ok(boolean) = value.cast::<PyBool>() {
        text.extend_from_slice(if boolean.is_true() { b"true" } else { b"false" });
    } else if let Ok(integer) = value.cast_exact::<PyInt>() {
        use std::io::Write as _;
        write!(text, "{}", integer.extract::<i64>().ok()?).ok()?;
    } else if let Ok(float) = value.cast_exact::<PyFloat>() {
        write_float(float, text)?;
    } else if let Ok(map) = value.cast::<PyDict>() {
        write_map(map, text, depth.checked_sub(1)?)?;
    } else if let Ok(list) = value.cast::<PyList>() {
        write_list(list.iter(), text, depth.checked_sub(1)?)?;
    } else if let Ok(tuple) = value.cast::<PyTuple>() {
        write_list(tuple.iter(), text, depth.checked_sub(1)?)?;
    } else {
        return None;
    }
    Some(())
}

/// Python's `repr` is what its encoder uses, but for the three that are no numbers; without an exponent, everybody's
/// shortest digits are the same.
fn write_float(float: &Bound<'_, PyFloat>, text: &mut Vec<u8>) -> Option<()> {
    let value = float.value();
    match value.abs() {
        0.0 | 1e-4..1e16 => text.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes()),
        size if size.is_finite() => text.extend_from_slice(float.repr().ok()?.to_str().ok()?.as_bytes()),
        _ => return None,
    }
    Some(())
}

/// Keys other than text are left to Python: it has rules for numbers, and errors for the rest. So are maps that have
/// their items in a way of their own.
fn write_map(map: &Bound<'_, PyDict>, text: &mut Vec<u8>, depth: usize) -> Option<()> {
    if !map.is_exact_instance_of::<PyDict>() && !has_plain_items(map).ok()? {
        return None;
    }
    text.push(b'{');
    for (index, (key, value)) in map.iter().enumerate() {
        if index > 0 {
            text.extend_from_slice(b", ");
        }
        write_text(key.cast::<PyString>().ok()?, text)?;
        text.extend_from_slice(b": ");
        write(&value, text, depth)?;
    }
    text.push(b'}');
    Some(())
}

/// Whether this is a subclass of `dict` that has its method `items`.
fn has_plain_items(map: &Bound<'_, PyDict>) -> PyResult<bool> {
    let py = map.py();
    let items = intern!(py, "items");
    Ok(map.get_type().getattr(items)?.is(&py.get_type::<PyDict>().getattr(items)?))
}

fn write_list<'py>(
    values: impl Iterator<Item = Bound<'py, PyAny>>,
    text: &mut Vec<u8>,
    depth: usize,
) -> Option<()> {
    text.push(b'[');
    for (index, value) in values.enumerate() {
        if index > 0 {
            text.extend_from_slice(b", ");
        }
        write(&value, text, depth)?;
    }
    text.push(b']');
    Some(())
}

fn write_text(string: &Bound<'_, PyString>, text: &mut Vec<u8>) -> Option<()> {
    write_quoted(string.to_str().ok()?, text);
    Some(())
}

/// A text between quotes; of what has no need to be escaped nothing is.
fn write_quoted(string: &str, text: &mut Vec<u8>) {
    let bytes = string.as_bytes();
    text.push(b'"');
    let mut written = 0;
    for (index, byte) in bytes.iter().enumerate() {
        let escaped: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0x08 => b"\\b",
            0x0c => b"\\f",
            0x00..=0x1f => &[b'\\', b'u', b'0', b'0', b'0' + (byte >> 4), HEX[(byte & 15) as usize]],
            _ => continue,
        };
        text.extend_from_slice(&bytes[written..index]);
        text.extend_from_slice(escaped);
        written = index + 1;
    }
    text.extend_from_slice(&bytes[written..]);
    text.push(b'"');
}

/// A text between quotes, all of it printable ASCII.
pub(crate) fn ascii(string: &str) -> String {
    let mut quoted = Vec::with_capacity(string.len() + 2);
    write_quoted(string, &mut quoted);
    let mut text = String::with_capacity(quoted.len());
    for character in String::from_utf8_lossy(&quoted).chars() {
        match character {
            ' '..='~' => text.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    text.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    text
}

const HEX: [u8; 16] = *b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_ascii_is_what_python_makes_it() {
        assert_eq!(ascii("a\"\\\n\u{1}\u{7f} é😀"), r#""a\"\\\n\u0001\u007f \u00e9\ud83d\ude00""#);
    }
}
