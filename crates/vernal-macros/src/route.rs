//! `#[route(…)]`, also named `#[request_map(…)]`, on a free function.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ItemFn;

use crate::attribute::{Usage, conditions, take_off};
use crate::call;
use crate::declaration::{by_app, enclose, submit_route};
use crate::location::location;
use crate::mapping::Mapping;
use crate::mistakes::{Mistakes, beside};
use crate::reach::{Reach, Way};
use crate::signature::{Handler, Place};

/// The names of this attribute.
pub(crate) const NAMES: [&str; 2] = ["route", "request_map"];

/// Expands the first `#[route]` of a function, together with those below it.
pub(crate) fn expand(name: &str, arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut function: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let text =
                format!("`#[{name}]` stands on a function ({error}); on an `impl` block, `#[controller]`");
            return beside(item, syn::Error::new(error.span(), text).into_compile_error());
        }
    };
    let mut mistakes = Mistakes::default();
    let mut usages = vec![Usage::called(name, arguments, &mut mistakes)];
    usages.extend(stacked(&mut function.attrs, &mut mistakes));
    let mappings = read_all(usages, &mut mistakes);
    let reach = Reach::Routes(mappings.iter().map(|mapping| Way::of(mapping, &mut mistakes)).collect());
    let handler = Handler::read(&mut function.sig, Place::Free, &reach, &mut mistakes);
    function.attrs.extend(handler.allow_arguments());
    match mistakes.check() {
        Ok(()) => generate(&function, &handler, &mappings),
        Err(report) => beside(function, report),
    }
}

/// Takes the `#[route]`s off an item.
pub(crate) fn stacked(attributes: &mut Vec<syn::Attribute>, mistakes: &mut Mistakes) -> Vec<Usage> {
    take_off(attributes, &NAMES).iter().map(|attribute| Usage::stacked(attribute, mistakes)).collect()
}

/// Reads what each of the attributes says.
pub(crate) fn read_all(usages: Vec<Usage>, mistakes: &mut Mistakes) -> Vec<Mapping> {
    usages.into_iter().map(|usage| Mapping::of_route(usage, mistakes)).collect()
}

fn generate(function: &ItemFn, handler: &Handler, mappings: &[Mapping]) -> TokenStream {
    let ident = &handler.ident;
    let items = call::items(handler, &quote! { #ident }, None);
    let controller = function_controller(handler);
    let location = location(&ident.to_string(), ident);
    let declarations = by_app(mappings, |mapping| mapping.app_text().unwrap_or_default()).into_iter().map(
        |(app, mappings)| {
            let routes = mappings.iter().map(|mapping| mapping.route("/"));
            submit_route(&location, &app, quote! { ::std::vec![#(#routes),*] }, &controller)
        },
    );
    let hidden = enclose(&conditions(&function.attrs), quote! { #items #(#declarations)* });
    quote! { #function #hidden }
}

/// The expression of the controller that calls a function without an object.
pub(crate) fn function_controller(handler: &Handler) -> TokenStream {
    let (params, call) = (call::params_name(), call::call_name());
    let blocking = !handler.is_async;
    quote! {
        ::std::boxed::Box::new(::vernal::controller::FunctionController::new(&#params, #blocking, #call))
    }
}
