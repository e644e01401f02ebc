//! Generates the function that the engine calls: it binds the values, calls the user's function, and turns
//! what that returns into a response.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ReturnType;
use syn::spanned::Spanned;

use crate::binding;
use crate::signature::{Handler, Taken};

/// The name of the static that holds the `Param`s.
pub(crate) fn params_name() -> Ident {
    Ident::new("__VERNAL_PARAMS", Span::call_site())
}

/// The name of the function that the engine calls.
pub(crate) fn call_name() -> Ident {
    Ident::new("__vernal_call", Span::call_site())
}

/// A local variable of the generated code, invisible to the user's expressions.
pub(crate) fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// The items behind one controller function: its `Param`s and the function that the engine calls.
/// `function` is the path of the user's function; `object` the type on whose objects a method is called.
pub(crate) fn items(handler: &Handler, function: &TokenStream, object: Option<&syn::Type>) -> TokenStream {
    let (params, call) = (params_name(), call_name());
    let statics = binding::params(&params, handler.arguments(), handler.takes_request());
    let (this, request) = (local("this"), local("request"));
    let receiver = object.map(|object| quote! { #this: &'r #object, });
    let answer = answer(handler, function, object.map(|_| &this), &request);
    quote! {
        #statics
        fn #call<'r>(#receiver #request: &'r ::vernal::Request) -> ::vernal::controller::Answer<'r> {
            #answer
        }
    }
}

fn answer(handler: &Handler, function: &TokenStream, this: Option<&Ident>, request: &Ident) -> TokenStream {
    let params = params_name();
    let statements = handler
        .arguments()
        .enumerate()
        .map(|(index, argument)| binding::statement(index, argument, &params, request));
    let arguments = arguments(handler, this, request);
    let wait = handler.is_async.then(|| quote! { .await });
    let called = quote_spanned! { handler.ident.span() => #function(#arguments)#wait };
    let respond = into_response(&handler.output, &handler.ident, called);
    // At the place of the function's name: that a future can't move between threads is said there.
    let span = handler.ident.span();
    let body = quote_spanned! { span => async move { #(#statements)* #respond } };
    match handler.is_async {
        true => quote_spanned! { span => ::vernal::controller::Answer::future(#body) },
        false => quote_spanned! { span => ::vernal::controller::Answer::immediate(&#params, #body) },
    }
}

fn arguments(handler: &Handler, this: Option<&Ident>, request: &Ident) -> TokenStream {
    let mut index = 0;
    let values = handler.takes.iter().map(|taken| match taken {
        Taken::Request => quote! { #request },
        Taken::Bound(argument) => {
            index += 1;
            binding::passed(index - 1, argument)
        }
    });
    let this = this.map(|this| quote! { #this, });
    quote! { #this #(#values),* }
}

/// At the place of the return type: that it is no response is said there.
pub(crate) fn into_response(output: &ReturnType, function: &Ident, called: TokenStream) -> TokenStream {
    quote_spanned! { output_span(output, function) =>
        let outcome = #called;
        ::vernal::respond::IntoResponse::into_response(outcome)
    }
}

/// The place of the return type, or of the function's name where none is written.
pub(crate) fn output_span(output: &ReturnType, function: &Ident) -> Span {
    match output {
        ReturnType::Type(_, ty) => ty.span(),
        ReturnType::Default => function.span(),
    }
}
