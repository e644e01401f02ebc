//! `#[error_message(…)]` on the function that makes the page of an error.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, FnArg, Ident, ItemFn, Lit, LitStr, Pat, PatType};

use crate::attribute::{Entry, Usage, bare, conditions, fill, take_off, text, unknown_key};
use crate::call::{into_response, local};
use crate::declaration::{enclose, submit};
use crate::location::location;
use crate::mistakes::{Mistakes, beside};
use crate::signature::check_kind;
use crate::types;

const NAME: &str = "error_message";

/// One `#[error_message(…)]`, read.
#[derive(Default)]
struct Page {
    /// `404`, `40x`, `4xx`; none of them: every error.
    codes: Vec<String>,
    app: Option<LitStr>,
}

/// Expands the first `#[error_message]` of a function, together with those below it.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut function: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let text = format!("`#[{NAME}]` stands on a function ({error})");
            return beside(item, Error::new(error.span(), text).into_compile_error());
        }
    };
    let mut mistakes = Mistakes::default();
    let mut pages = vec![Page::read(Usage::called(NAME, arguments, &mut mistakes), &mut mistakes)];
    for attribute in take_off(&mut function.attrs, &[NAME]) {
        pages.push(Page::read(Usage::stacked(&attribute, &mut mistakes), &mut mistakes));
    }
    check_kind(&function.sig, "error page", &mut mistakes);
    let values: Vec<TokenStream> =
        function.sig.inputs.iter().filter_map(|input| mistakes.take(value(input))).collect();
    match mistakes.check() {
        Ok(()) => generate(&function, &values, &pages),
        Err(report) => beside(function, report),
    }
}

impl Page {
    fn read(usage: Usage, mistakes: &mut Mistakes) -> Page {
        let mut page = Page::default();
        let mut is_for_all = false;
        for Entry { key, value } in usage.entries {
            match key {
                Some(key) if key == "app" => fill(&mut page.app, &key, text(&value, "app = \"2\""), mistakes),
                Some(key) => mistakes.note(unknown_key(NAME, &key, &["app"])),
                None => match mistakes.take(code(&value)).as_deref() {
                    Some("*") => is_for_all = true,
                    Some(code) => page.codes.push(code.to_owned()),
                    None => {}
                },
            }
        }
        if is_for_all {
            page.codes.clear();
        }
        page
    }
}

/// A code as text: `404`, `40x`, `4xx`, or `*` for every error.
fn code(value: &Expr) -> syn::Result<String> {
    let code = match bare(value) {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => text.value().to_ascii_lowercase(),
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_digits().to_owned(),
        _ => String::new(),
    };
    if code == "*" || is_error_code(&code) {
        return Ok(code);
    }
    let text = "an error page is for codes from 400 to 599: `404`, `\"40x\"` (400 to 409), `\"4xx\"`, \
                or `\"*\"` for every error";
    Err(Error::new_spanned(value, text))
}

fn is_error_code(code: &str) -> bool {
    let [b'4' | b'5', tens, ones] = code.as_bytes() else { return false };
    match (tens, ones) {
        (b'x', b'x') => true,
        (tens, ones) => tens.is_ascii_digit() && (ones.is_ascii_digit() || *ones == b'x'),
    }
}

/// The expression of what an argument takes; it is known by its name.
fn value(input: &FnArg) -> syn::Result<TokenStream> {
    let FnArg::Typed(argument) = input else {
        return Err(Error::new_spanned(input, "an error page is a function: it has no `self`"));
    };
    let (error, request) = (local("error"), local("request"));
    let ty = &argument.ty;
    if types::is_borrowed_request(ty) {
        return Ok(quote! { #request });
    }
    let text = |field: TokenStream| match types::is_borrowed_text(ty) {
        true => quote! { #field.as_str() },
        false => quote_spanned! { ty.span() => <#ty as ::core::convert::From<&str>>::from(#field.as_str()) },
    };
    match name(argument).as_deref() {
        Some("code") if types::holds_code(ty) => {
            Ok(quote! { <#ty as ::core::convert::From<u16>>::from(#error.code) })
        }
        Some("code") => Err(Error::new_spanned(ty, "the code of an error is a `u16`")),
        Some("message") => Ok(text(quote! { #error.message })),
        Some("explain") => Ok(text(quote! { #error.explain })),
        _ => Err(Error::new_spanned(
            argument,
            "an error page takes any of `code: u16`, `message: &str`, `explain: &str`, `request: &Request`, by name",
        )),
    }
}

fn name(argument: &PatType) -> Option<String> {
    match &*argument.pat {
        Pat::Ident(pattern) => Some(pattern.ident.unraw().to_string().trim_start_matches('_').to_owned()),
        _ => None,
    }
}

fn generate(function: &ItemFn, values: &[TokenStream], pages: &[Page]) -> TokenStream {
    let ident = &function.sig.ident;
    let location = location(&ident.to_string(), ident);
    let call = call(function, values);
    let declarations = pages.iter().map(|Page { codes, app }| {
        let app = app.as_ref().map(LitStr::value).unwrap_or_default();
        submit(
            quote! { ErrorPage },
            quote! {
                ::vernal::scan::ErrorPageDeclaration {
                    location: #location,
                    app: #app,
                    codes: &[#(#codes),*],
                    page: __vernal_call,
                }
            },
        )
    });
    let hidden = enclose(&conditions(&function.attrs), quote! { #call #(#declarations)* });
    quote! { #function #hidden }
}

/// The function that the engine calls.
fn call(function: &ItemFn, values: &[TokenStream]) -> TokenStream {
    let ident: &Ident = &function.sig.ident;
    let (error, request) = (local("error"), local("request"));
    let is_async = function.sig.asyncness.is_some();
    let wait = is_async.then(|| quote! { .await });
    let called = quote_spanned! { ident.span() => #ident(#(#values),*)#wait };
    let respond = into_response(&function.sig.output, ident, called);
    let body = quote! { async move { #respond } };
    let answer = match is_async {
        true => quote! { ::vernal::controller::Answer::future(#body) },
        false => quote! { ::vernal::controller::Answer::immediate(&[], #body) },
    };
    quote! {
        fn __vernal_call<'r>(
            #error: &'r ::vernal::respond::ErrorInfo,
            #request: &'r ::vernal::Request,
        ) -> ::vernal::controller::Answer<'r> {
            #answer
        }
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn codes_are_numbers_texts_or_ranges() {
        let read = |value: Expr| code(&value).expect("a code");
        assert_eq!(read(parse_quote!(404)), "404");
        assert_eq!(read(parse_quote!("404")), "404");
        assert_eq!(read(parse_quote!("50X")), "50x");
        assert_eq!(read(parse_quote!("4xx")), "4xx");
        assert_eq!(read(parse_quote!("*")), "*");
    }

    #[test]
    fn other_codes_are_no_errors() {
        for value in ["200", "600", "4x4", "40", "4040", "", "x"] {
            assert!(!is_error_code(value), "{value}");
        }
    }
}
