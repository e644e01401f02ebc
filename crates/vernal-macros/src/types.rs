//! What can be told from the way a type is written. The compiler knows types only after the macros have run,
//! so these questions look at the last name of the path: `String`, `vernal::Json<Order>`, `Option<u8>`.

use quote::ToTokens;
use syn::{GenericArgument, PathArguments, PathSegment, Type, TypeReference};

/// Types whose value is converted from the text of one parameter, header, cookie or path variable.
const PLAIN: [&str; 17] = [
    "String", "bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128",
    "isize", "f32", "f64",
];

/// Types that take the body of the request.
const BODY: [&str; 3] = ["Json", "Bytes", "BodyReader"];

/// Types that know by themselves what they take from the request.
const WHOLE: [&str; 12] = [
    "Headers",
    "Cookies",
    "Params",
    "Json",
    "Bytes",
    "BodyReader",
    "Groups",
    "RegGroups",
    "Session",
    "State",
    "Model",
    "Rooms",
];

/// The type without the invisible or useless parentheses around it.
fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        other => other,
    }
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match bare(ty) {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

/// The last name of the type's path: `Json` for `vernal::Json<Order>`.
pub(crate) fn last_name(ty: &Type) -> Option<String> {
    last_segment(ty).map(|segment| segment.ident.to_string())
}

/// Whether the type is called so.
pub(crate) fn is_named(ty: &Type, name: &str) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == name)
}

/// The type inside: `T` for `Option<T>`, asked for `"Option"`.
pub(crate) fn inside<'a>(ty: &'a Type, outer: &str) -> Option<&'a Type> {
    let segment = last_segment(ty).filter(|segment| segment.ident == outer)?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    match arguments.args.first() {
        Some(GenericArgument::Type(inner)) => Some(inner),
        _ => None,
    }
}

/// The reference, if the type is one.
pub(crate) fn reference(ty: &Type) -> Option<&TypeReference> {
    match bare(ty) {
        Type::Reference(reference) => Some(reference),
        _ => None,
    }
}

/// `&str`
pub(crate) fn is_borrowed_text(ty: &Type) -> bool {
    reference(ty).is_some_and(|reference| reference.mutability.is_none() && is_named(&reference.elem, "str"))
}

/// `&Request`
pub(crate) fn is_borrowed_request(ty: &Type) -> bool {
    reference(ty)
        .is_some_and(|reference| reference.mutability.is_none() && is_named(&reference.elem, "Request"))
}

/// Whether an absent value is no error.
pub(crate) fn is_optional(ty: &Type) -> bool {
    is_named(ty, "Option")
}

/// Whether the value is read from a text, so that it needs a name to be found by.
pub(crate) fn is_plain(ty: &Type) -> bool {
    let inner = inside(ty, "Option").or_else(|| inside(ty, "Vec")).unwrap_or(ty);
    is_borrowed_text(inner) || last_name(inner).is_some_and(|name| PLAIN.contains(&name.as_str()))
}

/// Whether the value takes the body of the request, which may be empty for an `Option`.
pub(crate) fn is_body(ty: &Type) -> bool {
    last_name(inside(ty, "Option").unwrap_or(ty)).is_some_and(|name| BODY.contains(&name.as_str()))
}

/// Whether the type itself decides what it takes from the request.
pub(crate) fn is_whole(ty: &Type) -> bool {
    last_name(inside(ty, "Option").unwrap_or(ty)).is_some_and(|name| WHOLE.contains(&name.as_str()))
}

/// `Cookie`, which is no parameter whatever its name.
pub(crate) fn is_cookie(ty: &Type) -> bool {
    is_named(inside(ty, "Option").unwrap_or(ty), "Cookie")
}

/// Whether the type is a number, `bool` or `char`, none of which a string literal can be.
pub(crate) fn is_no_text(ty: &Type) -> bool {
    is_plain(ty) && last_name(ty).is_some_and(|name| name != "String" && name != "Vec" && name != "Option")
}

/// Whether every status code fits into the type.
pub(crate) fn holds_code(ty: &Type) -> bool {
    const HOLDS: [&str; 8] = ["u16", "u32", "u64", "u128", "usize", "i32", "i64", "i128"];
    last_name(ty).is_some_and(|name| HOLDS.contains(&name.as_str()))
}

/// Tokens as a person writes them: they are printed with a blank between any two.
pub(crate) fn source_text(tokens: impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (printed, written) in [
        (" :: ", "::"),
        ("< ", "<"),
        (" <", "<"),
        (" >", ">"),
        (" ,", ","),
        ("& ", "&"),
        (" !", "!"),
        ("! ", "!"),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
        (" .", "."),
        (". ", "."),
        ("[ ", "["),
        (" ]", "]"),
    ] {
        text = text.replace(printed, written);
    }
    text
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn plain_types_are_read_from_a_text() {
        for ty in [
            parse_quote!(String),
            parse_quote!(Option<u8>),
            parse_quote!(Vec<std::string::String>),
            parse_quote!(&str),
        ] {
            assert!(is_plain(&ty));
        }
        assert!(!is_plain(&parse_quote!(Json<String>)));
    }

    #[test]
    fn the_last_name_of_a_path_counts() {
        assert!(is_body(&parse_quote!(vernal::Json<Order>)));
        assert!(is_body(&parse_quote!(Option<Json<Order>>)));
        assert!(is_whole(&parse_quote!(Session)));
        assert!(!is_whole(&parse_quote!(Person)));
    }

    #[test]
    fn tokens_are_printed_as_they_are_written() {
        let texts = ["vec![1, 2]", "Self::PAGE", "Vec<Option<u8>>", "u8::from(5).max(1)", "&[1, 2]", "1 + 2"];
        for text in texts {
            let tokens: proc_macro2::TokenStream = text.parse().expect("tokens");
            assert_eq!(source_text(tokens), text);
        }
    }

    #[test]
    fn references_are_told_apart() {
        assert!(is_borrowed_request(&parse_quote!(&Request)));
        assert!(is_borrowed_request(&parse_quote!(&'a vernal::Request)));
        assert!(!is_borrowed_request(&parse_quote!(&mut Request)));
        assert!(!is_borrowed_text(&parse_quote!(&mut str)));
    }
}
