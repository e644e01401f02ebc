//! The attributes on an argument or field: `#[param]`, `#[header]`, `#[cookie]`, `#[path]`, `#[group]`, `#[default]`.
//!
//! On a field `#[path]` is called `#[path_value]`, for the compiler keeps `#[path]` to itself wherever a macro
//! doesn't take it away, and a derive takes nothing away. Both names are understood in both places.

use syn::parse::Parse;
use syn::{Attribute, Error, Expr, LitInt, LitStr, Meta};

use crate::attribute::{last_name, list, take_off};
use crate::mistakes::Mistakes;

/// The attributes that a macro takes off an argument.
pub(crate) const NAMES: [&str; 7] = ["param", "header", "cookie", "path", "path_value", "group", "default"];

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Path,
    Parameter,
    Header,
    Cookie,
    Group(usize),
    /// The type is known to take what it needs from the request.
    Request,
    /// The type is unknown to the macro: a model, a binding of the user's own, another name for a known type.
    Open,
}

/// What the attributes on an argument say.
#[derive(Default)]
pub(crate) struct Said {
    pub(crate) source: Option<SaidSource>,
    pub(crate) default: Option<Expr>,
}

/// A source that the user has named, with the attribute for messages.
pub(crate) struct SaidSource {
    pub(crate) source: Source,
    pub(crate) name: Option<LitStr>,
    pub(crate) attribute: Attribute,
}

impl Said {
    /// Takes these attributes off an argument and reads them.
    pub(crate) fn take(attributes: &mut Vec<Attribute>, mistakes: &mut Mistakes) -> Said {
        let mut said = Said::default();
        for attribute in take_off(attributes, &NAMES) {
            if last_name(&attribute) == "default" {
                said.set_default(&attribute, mistakes);
            } else if let Some(source) = mistakes.take(SaidSource::read(attribute)) {
                said.set_source(source, mistakes);
            }
        }
        said
    }

    fn set_default(&mut self, attribute: &Attribute, mistakes: &mut Mistakes) {
        let advice = "write the value between parentheses, as in `#[default(16)]`";
        let Some(value) = mistakes.take(content::<Expr>(attribute, advice)) else { return };
        if self.default.is_some() {
            mistakes.add(attribute, "there is a `#[default(…)]` already");
        }
        self.default = value;
    }

    fn set_source(&mut self, source: SaidSource, mistakes: &mut Mistakes) {
        if let Some(first) = &self.source {
            let first = last_name(&first.attribute);
            mistakes.add(
                &source.attribute,
                format!("a value has one source, and `#[{first}]` is there already: keep one of the two"),
            );
            return;
        }
        self.source = Some(source);
    }
}

impl SaidSource {
    fn read(attribute: Attribute) -> syn::Result<SaidSource> {
        let kind = last_name(&attribute);
        let mut name = None;
        let source = match kind.as_str() {
            "group" => Source::Group(group_index(&attribute)?),
            "header" => Source::Header,
            "cookie" => Source::Cookie,
            "path" | "path_value" => Source::Path,
            _ => Source::Parameter,
        };
        if kind != "group" && !matches!(attribute.meta, Meta::Path(_)) {
            let advice = format!("write the name as a string literal, as in `#[{kind}(\"name\")]`");
            name = content::<LitStr>(&attribute, &advice)?;
        }
        if let Some(name) = name.as_ref().filter(|_| source == Source::Header) {
            check_field_name(name)?;
        }
        Ok(SaidSource { source, name, attribute })
    }
}

/// What stands between the parentheses of an attribute, and nothing else.
fn content<T: Parse>(attribute: &Attribute, advice: &str) -> syn::Result<Option<T>> {
    match &attribute.meta {
        Meta::List(list) => {
            list.parse_args::<T>().map(Some).map_err(|_| Error::new_spanned(attribute, advice))
        }
        _ => Err(Error::new_spanned(attribute, advice)),
    }
}

fn group_index(attribute: &Attribute) -> syn::Result<usize> {
    let advice = "write the number of the group, counted from 0, as in `#[group(0)]`";
    content::<LitInt>(attribute, advice)?
        .and_then(|number| number.base10_parse().ok())
        .ok_or_else(|| Error::new_spanned(attribute, advice))
}

/// A field name is a token (RFC 9110 section 5.6.2).
fn check_field_name(name: &LitStr) -> syn::Result<()> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let text = name.value();
    match !text.is_empty() && text.bytes().all(is_token) {
        true => Ok(()),
        false => Err(Error::new_spanned(
            name,
            "no header can have this name: it is made of letters, digits and `-`",
        )),
    }
}

/// The mistake of an attribute on an argument that neither a macro nor the compiler would take.
pub(crate) fn unknown_on_argument(attribute: &Attribute) -> Error {
    let text =
        format!("an argument of a controller has no `#[{}]`; it has: {}", last_name(attribute), list(&NAMES));
    Error::new_spanned(attribute, text)
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn said(mut attributes: Vec<Attribute>) -> Result<Said, String> {
        let mut mistakes = Mistakes::default();
        let said = Said::take(&mut attributes, &mut mistakes);
        assert!(attributes.is_empty(), "all of them are taken off");
        mistakes.check().map_err(|report| report.to_string())?;
        Ok(said)
    }

    fn source(attribute: Attribute) -> (Source, Option<String>) {
        let said = said(vec![attribute]).unwrap_or_else(|report| panic!("{report}"));
        let source = said.source.expect("a source");
        (source.source, source.name.map(|name| name.value()))
    }

    #[test]
    fn each_source_has_its_attribute() {
        assert_eq!(source(parse_quote!(#[param])), (Source::Parameter, None));
        assert_eq!(source(parse_quote!(#[param("passwd")])), (Source::Parameter, Some("passwd".to_owned())));
        assert_eq!(
            source(parse_quote!(#[header("Content-Type")])),
            (Source::Header, Some("Content-Type".to_owned()))
        );
        assert_eq!(source(parse_quote!(#[cookie("sc")])), (Source::Cookie, Some("sc".to_owned())));
        assert_eq!(source(parse_quote!(#[path])), (Source::Path, None));
        assert_eq!(source(parse_quote!(#[group(0)])), (Source::Group(0), None));
    }

    #[test]
    fn a_default_goes_with_a_source() {
        let said = said(vec![parse_quote!(#[header]), parse_quote!(#[default(16)])]).unwrap_or_default();
        assert!(said.source.is_some() && said.default.is_some());
    }

    #[test]
    fn mistakes_say_what_to_write() {
        let mistake = |attributes| said(attributes).err().expect("a mistake");
        assert!(mistake(vec![parse_quote!(#[param]), parse_quote!(#[header])]).contains("has one source"));
        assert!(mistake(vec![parse_quote!(#[group])]).contains("counted from 0"));
        assert!(mistake(vec![parse_quote!(#[group("one")])]).contains("counted from 0"));
        assert!(mistake(vec![parse_quote!(#[param(5)])]).contains("as in `#[param"));
        assert!(mistake(vec![parse_quote!(#[param = "x"])]).contains("as in `#[param"));
        assert!(mistake(vec![parse_quote!(#[default])]).contains("as in `#[default(16)]`"));
        assert!(mistake(vec![parse_quote!(#[header("Content Type")])]).contains("no header"));
    }
}
