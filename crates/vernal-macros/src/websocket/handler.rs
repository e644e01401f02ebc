//! `#[websocket_handler(…)]` on an `impl WebsocketHandler`, whose methods are plain or `async` functions.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Expr, GenericParam, ImplItem, ImplItemFn, ItemImpl, LitStr};

use crate::attribute::{Usage, conditions, fill, list, take_off, text};
use crate::call::local;
use crate::controller::{init_name, type_name, without_self};
use crate::declaration::{by_app, enclose, submit};
use crate::location::location_at;
use crate::mistakes::{Mistakes, beside};
use crate::reach::Reach;
use crate::websocket::endpoint::Endpoint;
use crate::websocket::event::{EVENTS, Event, Names};
use crate::websocket::told::Told;

const NAME: &str = "websocket_handler";

/// What the attributes on a block say.
struct Handler {
    endpoints: Vec<Endpoint>,
    init: Option<Expr>,
    per_connection: Option<bool>,
    told: Vec<Told>,
}

/// Expands the first `#[websocket_handler]` of a block, together with those below it.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut block: ItemImpl = match syn::parse2(item.clone()) {
        Ok(block) => block,
        Err(error) => {
            let text = format!(
                "`#[{NAME}]` stands on an `impl WebsocketHandler` block ({error}); on a function, `#[websocket_message]`"
            );
            return beside(item, Error::new(error.span(), text).into_compile_error());
        }
    };
    let mut mistakes = Mistakes::default();
    check_block(&block, &mut mistakes);
    let mut handler = Handler { endpoints: Vec::new(), init: None, per_connection: None, told: Vec::new() };
    let mut usages = vec![Usage::called(NAME, arguments, &mut mistakes)];
    for attribute in take_off(&mut block.attrs, &[NAME]) {
        usages.push(Usage::stacked(&attribute, &mut mistakes));
    }
    for usage in usages {
        handler.read(usage, &block, &mut mistakes);
    }
    let reach = Reach::Routes(handler.endpoints.iter().map(|endpoint| endpoint.way(&mut mistakes)).collect());
    for item in &mut block.items {
        match item {
            ImplItem::Fn(method) => handler.told.extend(read_method(method, &reach, &mut mistakes)),
            other => mistakes.add(other, "a handler has events only: put this into another `impl` block"),
        }
    }
    match mistakes.check() {
        Ok(()) => handler.generate(block),
        Err(report) => beside_inherent(block, report),
    }
}

/// The methods are there for other code, but not as those of the trait, whose signatures they don't have.
fn beside_inherent(mut block: ItemImpl, report: TokenStream) -> TokenStream {
    block.trait_ = None;
    block.items.retain(|item| matches!(item, ImplItem::Fn(_)));
    quote! {
        #[allow(dead_code, unused_variables)]
        #block
        #report
    }
}

fn check_block(block: &ItemImpl, mistakes: &mut Mistakes) {
    match &block.trait_ {
        Some((path, _)) if path.segments.last().is_some_and(|last| last.ident == "WebsocketHandler") => {}
        _ => mistakes.add(
            &block.self_ty,
            "`#[websocket_handler]` stands on the events of a handler: write `impl WebsocketHandler for …`",
        ),
    }
    for parameter in &block.generics.params {
        if !matches!(parameter, GenericParam::Lifetime(_)) {
            mistakes.add(parameter, "a handler is one type: write the type itself, as in `Chat<Database>`");
        }
    }
}

fn read_method(method: &mut ImplItemFn, reach: &Reach, mistakes: &mut Mistakes) -> Option<Told> {
    let name = method.sig.ident.to_string();
    let Some(event) = Event::of_method(&name) else {
        let known = list(&EVENTS.map(Event::method));
        mistakes.add(&method.sig.ident, format!("there is no event `{name}`; the events are: {known}"));
        return None;
    };
    Some(Told::read(event, &mut method.sig, true, reach, mistakes))
}

impl Handler {
    fn read(&mut self, mut usage: Usage, block: &ItemImpl, mistakes: &mut Mistakes) {
        let own = usage
            .entries
            .extract_if(.., |entry| entry.key.as_ref().is_some_and(|key| key == "init" || key == "scope"));
        for entry in own {
            match entry.key {
                Some(key) if key == "init" => fill(&mut self.init, &key, Ok(entry.value), mistakes),
                Some(key) => fill(&mut self.per_connection, &key, scope(&entry.value), mistakes),
                None => {}
            }
        }
        let endpoint = Endpoint::read(NAME, &["init", "scope"], usage.entries, &block.self_ty, mistakes);
        self.endpoints.push(endpoint);
    }

    fn generate(&self, mut block: ItemImpl) -> TokenStream {
        let Some((path, _)) = block.trait_.take() else { return block.into_token_stream() };
        let object = (*block.self_ty).clone();
        let init_name = init_name(&object);
        let init = match &self.init {
            Some(init) => quote! { #init },
            None => quote_spanned! { object.span() => <#object as ::core::default::Default>::default() },
        };
        let init = without_self(init, &object);
        let implementation = self.implementation(&path, &object);
        let declarations = self.declarations(&object, &init_name);
        let hidden = enclose(
            &conditions(&block.attrs),
            quote! {
                fn #init_name() -> #object { #init }
                #implementation
                #declarations
            },
        );
        quote! { #block #hidden }
    }

    /// The trait, which calls the methods; it is named as the user named it.
    fn implementation(&self, path: &impl ToTokens, object: &syn::Type) -> TokenStream {
        let names = Names::new();
        let this = local("this");
        let params = self.told.iter().map(Told::params);
        let blocking = self.told.iter().filter(|told| !told.is_async).map(|told| told.event.variant());
        let methods = self.told.iter().map(|told| {
            let ident = &told.ident;
            let (arguments, answer) = (told.event.arguments(&names), told.event.answer());
            let called = told.answer(&names, quote! { <#object>::#ident }, Some(&this));
            quote! {
                fn #ident<'e>(&'e self, #arguments) -> ::vernal::websocket::Event<'e, #answer> {
                    let #this = self;
                    #called
                }
            }
        });
        let name = type_name(object);
        // At the place of the type: that it can't be shared between threads is said there.
        let head = quote_spanned! { object.span() => impl #path for #object };
        quote! {
            #(#params)*
            #head {
                fn name(&self) -> &str {
                    ::core::concat!(::core::module_path!(), "::", #name)
                }

                fn may_block(&self, event: ::vernal::websocket::EventKind) -> bool {
                    let blocking: &[::vernal::websocket::EventKind] =
                        &[#(::vernal::websocket::EventKind::#blocking),*];
                    blocking.contains(&event)
                }

                #(#methods)*
            }
        }
    }

    fn declarations(&self, object: &syn::Type, init_name: &Ident) -> TokenStream {
        let location = location_at(&type_name(object), object.span());
        let params: Vec<Ident> = self.told.iter().map(Told::params_name).collect();
        let made = match self.per_connection {
            Some(true) => quote! { ::vernal::controller::Objects::per_request(#init_name) },
            _ => quote! { objects.singleton(#init_name) },
        };
        let declarations = by_app(&self.endpoints, Endpoint::app_text).into_iter().map(|(app, endpoints)| {
            let routes = endpoints.iter().map(|endpoint| endpoint.route());
            submit(
                quote! { WebsocketHandler },
                quote! {
                    ::vernal::scan::WebsocketHandlerDeclaration {
                        location: #location,
                        app: #app,
                        routes: || ::std::vec![#(#routes),*],
                        params: &[#(&#params),*],
                        handler: |objects| ::vernal::websocket::HandlerScope::of::<#object>(#made),
                    }
                },
            )
        });
        quote! { #(#declarations)* }
    }
}

/// Whether there is a handler for each connection.
fn scope(value: &Expr) -> syn::Result<bool> {
    let literal: LitStr = text(value, "scope = \"session\"")?;
    match literal.value().as_str() {
        "singleton" => Ok(false),
        "session" => Ok(true),
        _ => Err(Error::new_spanned(
            literal,
            "a handler's scope is `\"singleton\"` (one object, the default) or `\"session\"` (a new object for each \
             connection)",
        )),
    }
}
