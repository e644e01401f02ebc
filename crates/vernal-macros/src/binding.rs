//! Generates what binds values: the `Param`s as data, and one statement for each value.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Type, parse_quote_spanned};

use crate::argument::{Argument, Form};
use crate::source::Source;
use crate::types;

/// The expression of one `Param`.
fn param(argument: &Argument) -> TokenStream {
    let Argument { name, ty, .. } = argument;
    let kind = from_request(ty, "KIND");
    let source = source(argument.source, &kind);
    match argument.default_text() {
        Some(text) => quote! {
            ::vernal::bind::Param {
                name: ::std::borrow::Cow::Borrowed(#name),
                source: #source,
                kind: #kind,
                default: ::core::option::Option::Some(::std::borrow::Cow::Borrowed(#text)),
                required: false,
            }
        },
        None => {
            let optional = from_request(ty, "OPTIONAL");
            quote! {{
                let mut param = ::vernal::bind::Param::new(#name, #source, #kind);
                param.required = !#optional;
                param
            }}
        }
    }
}

/// The expression of the `Source`.
fn source(source: Source, kind: &TokenStream) -> TokenStream {
    match source {
        Source::Path => quote! { ::vernal::bind::Source::Path },
        Source::Parameter => quote! { ::vernal::bind::Source::Parameter },
        Source::Header => quote! { ::vernal::bind::Source::Header },
        Source::Cookie => quote! { ::vernal::bind::Source::Cookie },
        Source::Group(index) => quote! { ::vernal::bind::Source::Group(#index) },
        Source::Request => quote! { ::vernal::bind::Source::Request },
        // A binding of the user's own may ask for parameters, so those of a form have to be read before.
        Source::Open => quote! {
            match #kind {
                ::vernal::bind::Kind::Custom => ::vernal::bind::Source::Parameter,
                _ => ::vernal::bind::Source::Request,
            }
        },
    }
}

/// The static array of all `Param`s, in the order of the arguments. Who takes the whole request may ask it for any
/// parameter: one more `Param` behind the others says so, and a form is read before the call.
pub(crate) fn params<'a>(
    name: &Ident,
    arguments: impl Iterator<Item = &'a Argument>,
    takes_request: bool,
) -> TokenStream {
    let mut params: Vec<TokenStream> = arguments.map(param).collect();
    if takes_request {
        params.push(quote! {
            ::vernal::bind::Param::new(
                "request",
                ::vernal::bind::Source::Request,
                ::vernal::bind::Kind::Parameters,
            ).optional()
        });
    }
    let count = params.len();
    quote! { static #name: [::vernal::bind::Param; #count] = [#(#params),*]; }
}

/// The variable that holds a bound value. No name of the user's can meet it.
pub(crate) fn variable(index: usize) -> Ident {
    format_ident!("value_{index}", span = Span::mixed_site())
}

/// The statement that binds the value with this index, inside an `async` block that returns a `Result`.
pub(crate) fn statement(index: usize, argument: &Argument, params: &Ident, request: &Ident) -> TokenStream {
    let variable = variable(index);
    let ty = &argument.ty;
    let bind = |ty: &Type| {
        let from_request = from_request(ty, "from_request");
        quote_spanned! { argument.ty.span() => #from_request(#request, &#params[#index]).await? }
    };
    let Some(default) = argument.default_value() else {
        let bound = bind(ty);
        return quote! { let #variable: #ty = #bound; };
    };
    if types::is_named(ty, "Vec") {
        let bound = bind(ty);
        return quote! {
            let #variable: #ty = #bound;
            let #variable: #ty = if #variable.is_empty() { #default } else { #variable };
        };
    }
    let optional: Type = parse_quote_spanned! { ty.span() => ::core::option::Option<#ty> };
    let bound = bind(&optional);
    match argument.form {
        Form::Value => quote! {
            let #variable: #ty = match #bound {
                ::core::option::Option::Some(value) => value,
                ::core::option::Option::None => {
                    let default: #ty = #default;
                    default
                }
            };
        },
        Form::Text | Form::OptionalText => quote! {
            let #variable: #optional = #bound;
            let #variable: &str = match &#variable {
                ::core::option::Option::Some(text) => text.as_str(),
                ::core::option::Option::None => #default,
            };
        },
    }
}

/// The expression that passes the bound value to the function.
pub(crate) fn passed(index: usize, argument: &Argument) -> TokenStream {
    let variable = variable(index);
    match argument.form {
        Form::Text if argument.default.is_none() => quote! { #variable.as_str() },
        Form::OptionalText => quote! { #variable.as_deref() },
        Form::Value | Form::Text => quote! { #variable },
    }
}

/// `<T as FromRequest>::item`, at the place of the type: what the compiler says about it points there.
fn from_request(ty: &Type, item: &str) -> TokenStream {
    let item = Ident::new(item, ty.span());
    quote_spanned! { ty.span() => <#ty as ::vernal::bind::FromRequest>::#item }
}
