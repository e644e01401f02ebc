//! Generates what binds values: the `Param`s as data, and one statement for each value.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use crate::argument::{Argument, Form};
use crate::types;

/// The expression of one `Param`.
pub(crate) fn param(argument: &Argument) -> TokenStream {
    let Argument { name, ty, .. } = argument;
    let source = argument.source.tokens();
    let default = match argument.default_text() {
        Some(text) => quote! { ::core::option::Option::Some(::std::borrow::Cow::Borrowed(#text)) },
        None => quote! { ::core::option::Option::None },
    };
    let required = match argument.default {
        Some(_) => quote! { false },
        None => {
            let optional = from_request(ty, quote! { OPTIONAL });
            quote! { !#optional }
        }
    };
    let kind = from_request(ty, quote! { KIND });
    quote! {
        ::vernal::bind::Param {
            name: ::std::borrow::Cow::Borrowed(#name),
            source: #source,
            kind: #kind,
            default: #default,
            required: #required,
        }
    }
}

/// The static array of all `Param`s, in the order of the arguments.
pub(crate) fn params<'a>(name: &Ident, arguments: impl Iterator<Item = &'a Argument>) -> TokenStream {
    let params: Vec<TokenStream> = arguments.map(param).collect();
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
    let arguments = quote! { (#request, &#params[#index]).await? };
    let Some(default) = argument.default_value() else {
        let bind = from_request(ty, quote! { from_request });
        return quote! { let #variable: #ty = #bind #arguments; };
    };
    if types::is_named(ty, "Vec") {
        let bind = from_request(ty, quote! { from_request });
        return quote! {
            let #variable: #ty = #bind #arguments;
            let #variable: #ty = if #variable.is_empty() { #default } else { #variable };
        };
    }
    let optional: Type = syn::parse_quote! { ::core::option::Option<#ty> };
    let bind = from_request_spanned(&optional, ty.span(), quote! { from_request });
    match argument.form {
        Form::Value => quote! {
            let #variable: #ty = match #bind #arguments {
                ::core::option::Option::Some(value) => value,
                ::core::option::Option::None => #default,
            };
        },
        Form::Text | Form::OptionalText => quote! {
            let #variable: #optional = #bind #arguments;
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
fn from_request(ty: &Type, item: TokenStream) -> TokenStream {
    from_request_spanned(ty, ty.span(), item)
}

fn from_request_spanned(ty: &Type, span: Span, item: TokenStream) -> TokenStream {
    quote_spanned! { span => <#ty as ::vernal::bind::FromRequest>::#item }
}
