//! One argument of a function, or one field of a model: checked, and settled where its value comes from.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};
use syn::ext::IdentExt;
use syn::{Expr, Ident, LitStr, Pat, Type, parse_quote};

use crate::mistakes::Mistakes;
use crate::reach::Reach;
use crate::source::{Said, SaidSource, Source};
use crate::types::{self, source_text};

/// How a function takes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As it was bound.
    Value,
    /// `&str`, borrowed from the `String` that was bound.
    Text,
    /// `Option<&str>`, likewise.
    OptionalText,
}

/// A value that is bound from the request.
pub(crate) struct Argument {
    /// The name under which the value is looked for.
    pub(crate) name: String,
    pub(crate) source: Source,
    /// The type that is bound: `String` where the function takes `&str`.
    pub(crate) ty: Type,
    pub(crate) form: Form,
    pub(crate) default: Option<Expr>,
    pattern: Pat,
}

impl Argument {
    /// Settles an argument or a field from what its attributes said.
    pub(crate) fn settle(
        said: Said,
        pattern: Pat,
        ty: &Type,
        reach: &Reach,
        mistakes: &mut Mistakes,
    ) -> Argument {
        check_default(&said, ty, mistakes);
        let name = name(&said, &pattern, ty, mistakes);
        let source = match &said.source {
            Some(source) => {
                check_source(source, &name, &pattern, reach, may_be_absent(&said, ty), mistakes);
                source.source
            }
            None => implied_source(&name, &pattern, ty, reach, may_be_absent(&said, ty), mistakes),
        };
        let (form, ty) = form(ty);
        Argument { name, source, ty, form, default: said.default, pattern }
    }

    fn takes_body(&self) -> bool {
        self.source == Source::Request && types::is_body(&self.ty)
    }

    /// The default as documentation shows it.
    pub(crate) fn default_text(&self) -> Option<String> {
        let default = self.default.as_ref()?;
        Some(string_literal(default).map(LitStr::value).unwrap_or_else(|| source_text(default)))
    }

    /// The default as a value of the argument's type: a string literal is converted, `"x"` to `String`.
    pub(crate) fn default_value(&self) -> Option<TokenStream> {
        let (default, ty) = (self.default.as_ref()?, &self.ty);
        Some(match string_literal(default) {
            Some(literal) if self.form == Form::Value => {
                quote_spanned! { literal.span() => <&str as ::core::convert::Into<#ty>>::into(#literal) }
            }
            _ => default.to_token_stream(),
        })
    }
}

fn check_default(said: &Said, ty: &Type, mistakes: &mut Mistakes) {
    let Some(default) = &said.default else { return };
    if types::is_optional(ty) {
        mistakes.add(ty, "with `#[default(…)]` there is always a value: write the type without `Option`");
    }
    if string_literal(default).is_some() && types::is_no_text(ty) {
        mistakes.add(
            default,
            format!("a text is no `{}`: write the value itself, without quotes", source_text(ty)),
        );
    }
}

/// Two arguments that take the body: the second would find it gone.
pub(crate) fn check_bodies<'a>(arguments: impl Iterator<Item = &'a Argument>, mistakes: &mut Mistakes) {
    let mut bodies = arguments.filter(|argument| argument.takes_body());
    let Some(first) = bodies.next() else { return };
    let text = format!(
        "the body can be taken once, and `{}` takes it already: keep one of the two, \
         or say `#[param]` where JSON comes in a parameter",
        source_text(&first.pattern)
    );
    for second in bodies {
        mistakes.add(&second.pattern, &text);
    }
}

fn may_be_absent(said: &Said, ty: &Type) -> bool {
    said.default.is_some() || types::is_optional(ty)
}

fn form(ty: &Type) -> (Form, Type) {
    if types::is_borrowed_text(ty) {
        (Form::Text, parse_quote! { ::std::string::String })
    } else if types::inside(ty, "Option").is_some_and(types::is_borrowed_text) {
        (Form::OptionalText, parse_quote! { ::core::option::Option<::std::string::String> })
    } else {
        (Form::Value, ty.clone())
    }
}

fn string_literal(expression: &Expr) -> Option<&LitStr> {
    match expression {
        Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(literal), .. }) => Some(literal),
        _ => None,
    }
}

/// The name that the attribute gives, or that of the argument itself.
fn name(said: &Said, pattern: &Pat, ty: &Type, mistakes: &mut Mistakes) -> String {
    let source = said.source.as_ref();
    if let Some(name) = source.and_then(|source| source.name.as_ref()) {
        return name.value();
    }
    let Some(ident) = only_name(pattern) else {
        if types::is_plain(ty) && !matches!(source, Some(SaidSource { source: Source::Group(_), .. })) {
            mistakes
                .add(pattern, "a value is found by its name: name the argument, or say `#[param(\"name\")]`");
        }
        return types::last_name(ty).unwrap_or_default();
    };
    let name = ident.unraw().to_string();
    let name = name.strip_prefix('_').filter(|rest| !rest.is_empty()).unwrap_or(&name);
    match source {
        // A header is `user-token` on the wire and `user_token` in Rust.
        Some(SaidSource { source: Source::Header, .. }) => name.replace('_', "-"),
        _ => name.to_owned(),
    }
}

/// The one name that a pattern binds: `order` for `Json(order)`.
fn only_name(pattern: &Pat) -> Option<&Ident> {
    match pattern {
        Pat::Ident(name) => Some(&name.ident),
        Pat::Paren(paren) => only_name(&paren.pat),
        Pat::TupleStruct(tuple) if tuple.elems.len() == 1 => only_name(&tuple.elems[0]),
        _ => None,
    }
}

/// Whether the routes have what the attribute asks for.
fn check_source(
    source: &SaidSource,
    name: &str,
    pattern: &Pat,
    reach: &Reach,
    may_be_absent: bool,
    mistakes: &mut Mistakes,
) {
    let checked = match source.source {
        Source::Path => reach.check_path(name, may_be_absent),
        Source::Group(_) => reach.check_group(may_be_absent),
        _ => Ok(()),
    };
    match (checked, &source.name, source.source) {
        (Ok(()), ..) => {}
        (Err(mistake), Some(name), _) => mistakes.add(name, mistake),
        (Err(mistake), None, Source::Group(_)) => mistakes.add(&source.attribute, mistake),
        (Err(mistake), None, _) => mistakes.add(pattern, mistake),
    }
}

/// Where a value without an attribute comes from.
fn implied_source(
    name: &str,
    pattern: &Pat,
    ty: &Type,
    reach: &Reach,
    may_be_absent: bool,
    mistakes: &mut Mistakes,
) -> Source {
    if types::is_cookie(ty) {
        return Source::Cookie;
    }
    if types::is_whole(ty) {
        return Source::Request;
    }
    match reach.implies_path(name, may_be_absent) {
        Ok(true) => Source::Path,
        Ok(false) if types::is_plain(ty) || may_be_absent => Source::Parameter,
        Ok(false) => Source::Open,
        Err(mistake) => {
            mistakes.add(pattern, mistake);
            Source::Path
        }
    }
}

#[cfg(test)]
mod tests {
    use syn::{FnArg, parse_quote};

    use super::*;
    use crate::pattern::Pattern;
    use crate::reach::Way;

    fn settle(argument: FnArg, path: &str) -> Result<Argument, String> {
        let FnArg::Typed(mut argument) = argument else { panic!("an argument with a type") };
        let pattern = Pattern::read(path).expect("a pattern");
        let reach = Reach::Routes(vec![Way::Path { text: path.to_owned(), pattern }]);
        let mut mistakes = Mistakes::default();
        let said = Said::take(&mut argument.attrs, &mut mistakes);
        let settled = Argument::settle(said, *argument.pat, &argument.ty, &reach, &mut mistakes);
        mistakes.check().map_err(|report| report.to_string())?;
        Ok(settled)
    }

    fn found(argument: FnArg, path: &str) -> (String, Source) {
        let settled = settle(argument, path).unwrap_or_else(|report| panic!("{report}"));
        (settled.name, settled.source)
    }

    #[test]
    fn a_name_in_the_pattern_is_a_path_value_and_any_other_a_parameter() {
        assert_eq!(found(parse_quote!(id: u64), "/x/{id}"), ("id".to_owned(), Source::Path));
        assert_eq!(found(parse_quote!(name: String), "/x/{id}"), ("name".to_owned(), Source::Parameter));
        assert_eq!(found(parse_quote!(#[param] id: u64), "/x/{id}"), ("id".to_owned(), Source::Parameter));
    }

    #[test]
    fn names_are_looked_up_as_they_are_written_on_the_wire() {
        assert_eq!(found(parse_quote!(#[header] user_token: String), "/").0, "user-token");
        assert_eq!(found(parse_quote!(#[header("user_token")] token: String), "/").0, "user_token");
        assert_eq!(found(parse_quote!(_user_name: String), "/").0, "user_name");
        assert_eq!(found(parse_quote!(r#type: String), "/").0, "type");
        assert_eq!(found(parse_quote!(mut name: String), "/").0, "name");
    }

    #[test]
    fn types_that_know_what_they_take_are_left_alone() {
        assert_eq!(found(parse_quote!(Json(order): Json<Order>), "/"), ("order".to_owned(), Source::Request));
        assert_eq!(found(parse_quote!(#[param] extra: Json<Extra>), "/").1, Source::Parameter);
        assert_eq!(found(parse_quote!(State(_): State<Db>), "/"), ("State".to_owned(), Source::Request));
        assert_eq!(found(parse_quote!(sc: Option<Cookie>), "/"), ("sc".to_owned(), Source::Cookie));
        assert_eq!(found(parse_quote!(person: Person), "/"), ("person".to_owned(), Source::Open));
        assert_eq!(found(parse_quote!(extra: Option<Json<Extra>>), "/").1, Source::Request);
    }

    #[test]
    fn borrowed_text_is_bound_as_a_string() {
        let argument = settle(parse_quote!(name: &str), "/").unwrap_or_else(|report| panic!("{report}"));
        assert_eq!(argument.form, Form::Text);
        assert!(types::is_named(&argument.ty, "String"));
    }

    #[test]
    fn a_string_literal_is_converted_into_the_type() {
        let default = |argument| {
            let argument = settle(argument, "/").unwrap_or_else(|report| panic!("{report}"));
            argument.default_value().expect("a default").to_string()
        };
        assert_eq!(default(parse_quote!(#[default(16)] age: u8)), "16");
        assert_eq!(default(parse_quote!(#[default("x")] name: &str)), "\"x\"");
        assert!(default(parse_quote!(#[default("x")] name: String)).contains("Into < String >"));
    }

    #[test]
    fn mistakes_say_what_to_write() {
        let mistake = |argument| settle(argument, "/x/{id}").err().expect("a mistake");
        assert!(
            mistake(parse_quote!(#[path] name: String))
                .contains("no path variable `name`: `/x/{id}` has `id`")
        );
        assert!(mistake(parse_quote!(#[path("nmae")] name: String)).contains("no path variable `nmae`"));
        assert!(mistake(parse_quote!(#[group(0)] name: String)).contains("`regexp = "));
        assert!(mistake(parse_quote!(_: String)).contains("found by its name"));
        assert!(mistake(parse_quote!(#[default(1)] age: Option<u8>)).contains("without `Option`"));
    }
}
