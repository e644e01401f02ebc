//! `#[controller(…)]` on an `impl` block: its methods are controllers, called on one object.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, GenericParam, ImplItem, ImplItemFn, ItemImpl, LitStr, Type};

use crate::attribute::{Usage, conditions, fill, text};
use crate::call;
use crate::declaration::{by_app, enclose, submit_route};
use crate::location::location;
use crate::mapping::Mapping;
use crate::mistakes::{Mistakes, beside};
use crate::pattern::Pattern;
use crate::reach::{Reach, Way};
use crate::route;
use crate::signature::{Handler, Place};

/// What `#[controller(…)]` says.
struct Class {
    object: Type,
    mapping: Mapping,
    init: Option<Expr>,
    scope: Scope,
}

/// How many objects there are.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Scope {
    #[default]
    Singleton,
    Request,
}

/// A method that has at least one `#[route]`.
struct Method {
    handler: Handler,
    mappings: Vec<Mapping>,
    conditions: Vec<syn::Attribute>,
}

/// Expands `#[controller]`.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut block: ItemImpl = match syn::parse2(item.clone()) {
        Ok(block) => block,
        Err(error) => {
            let text = format!("`#[controller]` stands on an `impl` block, where the methods are ({error})");
            return beside(item, syn::Error::new(error.span(), text).into_compile_error());
        }
    };
    let mut mistakes = Mistakes::default();
    check_block(&block, &mut mistakes);
    let usage = Usage::called("controller", arguments, &mut mistakes);
    let class = Class::read(usage, &block, &mut mistakes);
    let methods: Vec<Method> = block
        .items
        .iter_mut()
        .filter_map(|item| match item {
            ImplItem::Fn(method) => Method::read(method, &class, &mut mistakes),
            _ => None,
        })
        .collect();
    match mistakes.check() {
        Ok(()) => class.generate(&block, &methods),
        Err(report) => beside(block, report),
    }
}

fn check_block(block: &ItemImpl, mistakes: &mut Mistakes) {
    if let Some((path, _)) = &block.trait_ {
        mistakes.add(path, "`#[controller]` stands on an `impl` block of the struct itself, not of a trait");
    }
    for parameter in &block.generics.params {
        if !matches!(parameter, GenericParam::Lifetime(_)) {
            mistakes.add(
                parameter,
                "a controller is one type: write the type itself, as in `impl Orders<Database>`",
            );
        }
    }
}

impl Class {
    fn read(mut usage: Usage, block: &ItemImpl, mistakes: &mut Mistakes) -> Class {
        let (mut init, mut scope) = (None, None);
        let own = usage
            .entries
            .extract_if(.., |entry| entry.key.as_ref().is_some_and(|key| key == "init" || key == "scope"));
        for entry in own {
            match entry.key {
                Some(key) if key == "init" => fill(&mut init, &key, Ok(entry.value), mistakes),
                Some(key) => fill(&mut scope, &key, Scope::read(&entry.value), mistakes),
                None => {}
            }
        }
        let mapping = Mapping::of_controller(usage, mistakes);
        if let Some(path) = &mapping.path {
            mistakes.take(Pattern::read(&path.value()).map_err(|text| syn::Error::new_spanned(path, text)));
        }
        Class { object: (*block.self_ty).clone(), mapping, init, scope: scope.unwrap_or_default() }
    }

    fn generate(&self, block: &ItemImpl, methods: &[Method]) -> TokenStream {
        let object = &self.object;
        let init_name = init_name(object);
        let init = match &self.init {
            Some(init) => quote! { #init },
            None => quote_spanned! { object.span() => <#object as ::core::default::Default>::default() },
        };
        let methods = methods.iter().map(|method| self.method(method));
        let items = quote! {
            fn #init_name() -> #object { #init }
            #(#methods)*
        };
        let hidden = enclose(&conditions(&block.attrs), without_self(items, object));
        quote! { #block #hidden }
    }

    fn method(&self, method: &Method) -> TokenStream {
        let (object, handler) = (&self.object, &method.handler);
        let ident = &handler.ident;
        let receiver = handler.has_receiver.then_some(object);
        let items = call::items(handler, &quote! { <#object>::#ident }, receiver);
        let controller = self.method_controller(handler);
        let location = location(&format!("{}::{ident}", type_name(object)), ident);
        let class = self.mapping.route("");
        let declarations =
            by_app(&method.mappings, |mapping| self.app(mapping)).into_iter().map(|(app, mappings)| {
                let routes = mappings.iter().map(|mapping| mapping.route(""));
                let routes = quote! {{
                    let class = #class;
                    ::std::vec![#(#routes.within(&class)),*]
                }};
                submit_route(&location, &app, routes, &controller)
            });
        enclose(&method.conditions.iter().collect::<Vec<_>>(), quote! { #items #(#declarations)* })
    }

    /// The expression of the controller that calls a method, on the object if it takes `&self`.
    fn method_controller(&self, handler: &Handler) -> TokenStream {
        if !handler.has_receiver {
            return route::function_controller(handler);
        }
        let (params, call, init) = (call::params_name(), call::call_name(), init_name(&self.object));
        let blocking = !handler.is_async;
        // At the place of the type: that it can't be shared between threads is said there.
        let span = self.object.span();
        let object = match self.scope {
            Scope::Singleton => quote_spanned! { span => objects.singleton(#init) },
            Scope::Request => quote_spanned! { span => ::vernal::controller::Objects::per_request(#init) },
        };
        quote_spanned! { span =>
            ::std::boxed::Box::new(
                ::vernal::controller::MethodController::new(#object, &#params, #blocking, #call)
            )
        }
    }

    fn app(&self, mapping: &Mapping) -> String {
        mapping.app_text().or_else(|| self.mapping.app_text()).unwrap_or_default()
    }
}

impl Scope {
    fn read(value: &Expr) -> syn::Result<Scope> {
        let literal = text(value, "scope = \"request\"")?;
        match literal.value().as_str() {
            "singleton" => Ok(Scope::Singleton),
            "request" => Ok(Scope::Request),
            _ => Err(unknown_scope(&literal)),
        }
    }
}

fn unknown_scope(literal: &LitStr) -> syn::Error {
    let text = "a controller's scope is `\"singleton\"` (one object, the default) \
                or `\"request\"` (a new object for each request)";
    syn::Error::new_spanned(literal, text)
}

impl Method {
    /// Reads a method and takes our attributes off it; `None` if it has no `#[route]`.
    fn read(method: &mut ImplItemFn, class: &Class, mistakes: &mut Mistakes) -> Option<Method> {
        let usages = route::stacked(&mut method.attrs, mistakes);
        if usages.is_empty() {
            return None;
        }
        let mappings = route::read_all(usages, mistakes);
        let prefix = class.mapping.path_text();
        let ways = mappings.iter().map(|mapping| Way::within(&prefix, mapping, mistakes)).collect();
        let handler = Handler::read(&mut method.sig, Place::Controller, &Reach::Routes(ways), mistakes);
        method.attrs.extend(handler.allow_arguments());
        let conditions = conditions(&method.attrs).into_iter().cloned().collect();
        Some(Method { handler, mappings, conditions })
    }
}

/// The function that makes the object.
pub(crate) fn init_name(object: &Type) -> Ident {
    Ident::new("__vernal_init", object.span())
}

pub(crate) fn type_name(ty: &Type) -> String {
    crate::types::last_name(ty).unwrap_or_else(|| ty.to_token_stream().to_string())
}

/// Writes the type where the user wrote `Self`, which has no meaning outside of the `impl` block.
pub(crate) fn without_self(tokens: TokenStream, object: &Type) -> TokenStream {
    let replace = |token| match token {
        TokenTree::Ident(ident) if ident == "Self" => object.to_token_stream(),
        TokenTree::Group(group) => {
            let mut inside = Group::new(group.delimiter(), without_self(group.stream(), object));
            inside.set_span(group.span());
            TokenTree::Group(inside).into()
        }
        other => other.into(),
    };
    tokens.into_iter().map::<TokenStream, _>(replace).collect()
}
