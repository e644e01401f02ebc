//! `#[websocket_handshake]`, `#[websocket_open]`, `#[websocket_message]`, `#[websocket_close]` on a free function.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Ident, ItemFn};

use crate::attribute::{Usage, conditions, take_off, text};
use crate::declaration::{by_app, enclose, submit};
use crate::location::location;
use crate::mistakes::{Mistakes, beside};
use crate::reach::Reach;
use crate::websocket::endpoint::Endpoint;
use crate::websocket::event::{Event, Names};
use crate::websocket::told::Told;

const MESSAGE: &str = "websocket_message";

/// Expands the first attribute of this name on a function, together with those of the same name below it.
pub(crate) fn expand(name: &str, arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut function: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let text = format!(
                "`#[{name}]` stands on a function ({error}); on an `impl WebsocketHandler`, `#[websocket_handler]`"
            );
            return beside(item, Error::new(error.span(), text).into_compile_error());
        }
    };
    let mut mistakes = Mistakes::default();
    let mut usages = vec![Usage::called(name, arguments, &mut mistakes)];
    for attribute in take_off(&mut function.attrs, &[name]) {
        usages.push(Usage::stacked(&attribute, &mut mistakes));
    }
    let mut event = None;
    let ident = function.sig.ident.clone();
    let endpoints: Vec<Endpoint> =
        usages.into_iter().map(|usage| read(usage, &ident, &mut event, &mut mistakes)).collect();
    let reach = Reach::Routes(endpoints.iter().map(|endpoint| endpoint.way(&mut mistakes)).collect());
    let told =
        Told::read(event.unwrap_or(Event::TextMessage), &mut function.sig, false, &reach, &mut mistakes);
    match mistakes.check() {
        Ok(()) => generate(&function, &told, &endpoints),
        Err(report) => beside(function, report),
    }
}

/// Reads one use; several on one function are for one event.
fn read(mut usage: Usage, function: &Ident, event: &mut Option<Event>, mistakes: &mut Mistakes) -> Endpoint {
    let name = usage.name.clone();
    let mut said = match name.as_str() {
        "websocket_handshake" => Event::Handshake,
        "websocket_open" => Event::Open,
        "websocket_close" => Event::Close,
        _ => Event::TextMessage,
    };
    let others: &[&str] = if name == MESSAGE { &["kind"] } else { &[] };
    let is_kind = |key: &Ident| name == MESSAGE && key == "kind";
    for entry in usage.entries.extract_if(.., |entry| entry.key.as_ref().is_some_and(is_kind)) {
        let Some(literal) = mistakes.take(text(&entry.value, "kind = \"text\"")) else { continue };
        match Event::of_message_kind(&literal.value()) {
            Some(kind) => said = kind,
            None => mistakes.add(
                &literal,
                "the kind of a message is `\"text\"` (the default), `\"binary\"`, `\"binary_frame\"`, `\"ping\"` or `\"pong\"`",
            ),
        }
    }
    if *event.get_or_insert(said) != said {
        mistakes.add(
            function,
            "a function is told of one kind of message: write a second function for the other",
        );
    }
    Endpoint::read(&name, others, usage.entries, function, mistakes)
}

fn generate(function: &ItemFn, told: &Told, endpoints: &[Endpoint]) -> TokenStream {
    let ident = &function.sig.ident;
    let location = location(&ident.to_string(), ident);
    let names = Names::new();
    let (params, params_name, variant) = (told.params(), told.params_name(), told.event.variant());
    let (arguments, answer) = (told.event.arguments(&names), told.event.answer());
    let call = told.answer(&names, ident, None);
    let may_block = !told.is_async;
    let declarations = by_app(endpoints, Endpoint::app_text).into_iter().map(|(app, endpoints)| {
        let routes = endpoints.iter().map(|endpoint| endpoint.route());
        submit(
            quote! { WebsocketFunction },
            quote! {
                ::vernal::scan::WebsocketFunctionDeclaration {
                    location: #location,
                    app: #app,
                    routes: || ::std::vec![#(#routes),*],
                    params: &#params_name,
                    may_block: #may_block,
                    function: ::vernal::websocket::EventFunction::#variant(__vernal_call),
                }
            },
        )
    });
    let items = quote! {
        #params
        fn __vernal_call<'e>(#arguments) -> ::vernal::websocket::Event<'e, #answer> {
            #call
        }
        #(#declarations)*
    };
    let hidden = enclose(&conditions(&function.attrs), items);
    quote! { #function #hidden }
}
