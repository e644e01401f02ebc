//! The grammar that all attributes share: `#[name("text", key = value, …)]`.

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Expr, ExprLit, ExprUnary, Ident, Lit, LitStr, Meta, Token, UnOp};

use crate::mistakes::Mistakes;

/// One use of an attribute, before anything in it has been understood.
pub(crate) struct Usage {
    /// The attribute's name as the user wrote it, for messages.
    pub(crate) name: String,
    pub(crate) entries: Vec<Entry>,
}

/// One entry between the parentheses: `"/path"` or `method = "GET"`.
pub(crate) struct Entry {
    pub(crate) key: Option<Ident>,
    pub(crate) value: Expr,
}

impl Usage {
    /// The attribute that the compiler has called this macro for.
    pub(crate) fn called(name: &str, arguments: TokenStream, mistakes: &mut Mistakes) -> Usage {
        let entries = mistakes.take(parse_entries.parse2(arguments)).unwrap_or_default();
        Usage { name: name.to_owned(), entries }
    }

    /// An attribute found further down on the same item.
    pub(crate) fn stacked(attribute: &Attribute, mistakes: &mut Mistakes) -> Usage {
        let name = last_name(attribute);
        let entries = match &attribute.meta {
            Meta::Path(_) => Ok(Vec::new()),
            Meta::List(list) => list.parse_args_with(parse_entries),
            Meta::NameValue(pair) => {
                Err(Error::new_spanned(pair, format!("write `#[{name}(…)]`, with parentheses")))
            }
        };
        Usage { name, entries: mistakes.take(entries).unwrap_or_default() }
    }
}

/// The last segment of an attribute's path: `route` for `#[vernal::route]` as well.
pub(crate) fn last_name(attribute: &Attribute) -> String {
    attribute.path().segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default()
}

/// Takes the attributes with one of these names off an item.
pub(crate) fn take_off(attributes: &mut Vec<Attribute>, names: &[&str]) -> Vec<Attribute> {
    attributes.extract_if(.., |attribute| names.contains(&last_name(attribute).as_str())).collect()
}

/// The `#[cfg]`s of an item: what is generated for it stands under the same conditions.
pub(crate) fn conditions(attributes: &[Attribute]) -> Vec<&Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect()
}

fn parse_entries(input: ParseStream) -> syn::Result<Vec<Entry>> {
    Ok(Punctuated::<Entry, Token![,]>::parse_terminated(input)?.into_iter().collect())
}

impl Parse for Entry {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let mut key = None;
        if input.peek(Ident::peek_any) && input.peek2(Token![=]) {
            key = Some(input.call(Ident::parse_any)?);
            input.parse::<Token![=]>()?;
        }
        Ok(Entry { key, value: input.parse()? })
    }
}

/// Fills the slot of a key, unless the value is wrong or the key was there before.
pub(crate) fn fill<T>(slot: &mut Option<T>, key: &Ident, value: syn::Result<T>, mistakes: &mut Mistakes) {
    let Some(value) = mistakes.take(value) else { return };
    if slot.is_some() {
        mistakes.add(key, format!("`{key}` is given twice"));
    }
    *slot = Some(value);
}

/// The expression without the invisible parentheses that `macro_rules!` puts around its arguments.
pub(crate) fn bare(value: &Expr) -> &Expr {
    match value {
        Expr::Group(group) => bare(&group.expr),
        other => other,
    }
}

/// A string literal; the message shows the example.
pub(crate) fn text(value: &Expr, example: &str) -> syn::Result<LitStr> {
    match bare(value) {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(text.clone()),
        other => Err(Error::new_spanned(other, format!("expected a string literal, as in `{example}`"))),
    }
}

/// A string literal, or an array of them.
pub(crate) fn texts(value: &Expr, example: &str) -> syn::Result<Vec<LitStr>> {
    match bare(value) {
        Expr::Array(array) => array.elems.iter().map(|element| text(element, example)).collect(),
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(vec![text.clone()]),
        other => Err(Error::new_spanned(
            other,
            format!("expected a string literal or an array of them, as in `{example}`"),
        )),
    }
}

/// `true` or `false`.
pub(crate) fn flag(value: &Expr) -> syn::Result<bool> {
    match bare(value) {
        Expr::Lit(ExprLit { lit: Lit::Bool(flag), .. }) => Ok(flag.value),
        other => Err(Error::new_spanned(other, "expected `true` or `false`")),
    }
}

/// A whole number, negative ones too.
pub(crate) fn number(value: &Expr) -> syn::Result<i32> {
    let (negative, digits) = match bare(value) {
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => (true, expr.as_ref()),
        other => (false, other),
    };
    let Expr::Lit(ExprLit { lit: Lit::Int(digits), .. }) = digits else {
        return Err(Error::new_spanned(value, "expected a whole number, such as `10` or `-1`"));
    };
    let sign = if negative { "-" } else { "" };
    format!("{sign}{}", digits.base10_digits())
        .parse()
        .map_err(|_| Error::new_spanned(value, "this number doesn't fit into an `i32`"))
}

/// The mistake of a key that the attribute doesn't have.
pub(crate) fn unknown_key(name: &str, key: &Ident, known: &[&str]) -> Error {
    Error::new(key.span(), format!("`#[{name}]` has no `{key}`; it has: {}", list(known)))
}

/// `` `a`, `b`, `c` ``
pub(crate) fn list(names: &[impl AsRef<str>]) -> String {
    names.iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::parse_quote;

    use super::*;

    fn usage(arguments: TokenStream) -> Usage {
        let mut mistakes = Mistakes::default();
        let usage = Usage::called("route", arguments, &mut mistakes);
        assert!(mistakes.check().is_ok());
        usage
    }

    #[test]
    fn entries_have_a_key_or_none() {
        let usage = usage(quote!("/x", method = "GET", rank = -3,));
        let keys: Vec<_> =
            usage.entries.iter().map(|entry| entry.key.as_ref().map(Ident::to_string)).collect();
        assert_eq!(keys, [None, Some("method".to_owned()), Some("rank".to_owned())]);
        assert_eq!(number(&usage.entries[2].value).expect("a number"), -3);
    }

    #[test]
    fn one_text_or_several() {
        let one = texts(&parse_quote!("a=b"), "").expect("one text");
        let two = texts(&parse_quote!(["a=b", "c"]), "").expect("two texts");
        assert_eq!((one.len(), two.len()), (1, 2));
        assert!(texts(&parse_quote!(["a", 5]), "").is_err());
    }

    #[test]
    fn stacked_attributes_are_found_by_their_last_name() {
        let mut attributes: Vec<Attribute> = vec![
            parse_quote!(#[vernal::route("/a")]),
            parse_quote!(#[doc = "kept"]),
            parse_quote!(#[request_map]),
        ];
        let taken = take_off(&mut attributes, &["route", "request_map"]);
        assert_eq!((taken.len(), attributes.len()), (2, 1));
    }

    #[test]
    fn a_key_given_twice_is_a_mistake() {
        let mut mistakes = Mistakes::default();
        let key: Ident = parse_quote!(rank);
        let mut slot = Some(1);
        fill(&mut slot, &key, Ok(2), &mut mistakes);
        let report = mistakes.check().expect_err("a mistake").to_string();
        assert!(report.contains("`rank` is given twice"), "{report}");
    }

    #[test]
    fn an_unknown_key_names_the_known_ones() {
        let error = unknown_key("route", &parse_quote!(metod), &["path", "method"]);
        assert_eq!(error.to_string(), "`#[route]` has no `metod`; it has: `path`, `method`");
    }
}
