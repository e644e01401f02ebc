//! The attributes of vernal.

use proc_macro::TokenStream;

mod argument;
mod attribute;
mod binding;
mod call;
mod controller;
mod declaration;
mod error_page;
mod filter;
mod location;
mod mapping;
mod mistakes;
mod model;
mod pattern;
mod reach;
mod route;
mod signature;
mod source;
mod types;

/// route
#[proc_macro_attribute]
pub fn route(arguments: TokenStream, item: TokenStream) -> TokenStream {
    route::expand("route", arguments.into(), item.into()).into()
}

/// request_map
#[proc_macro_attribute]
pub fn request_map(arguments: TokenStream, item: TokenStream) -> TokenStream {
    route::expand("request_map", arguments.into(), item.into()).into()
}

/// controller
#[proc_macro_attribute]
pub fn controller(arguments: TokenStream, item: TokenStream) -> TokenStream {
    controller::expand(arguments.into(), item.into()).into()
}

/// request_filter
#[proc_macro_attribute]
pub fn request_filter(arguments: TokenStream, item: TokenStream) -> TokenStream {
    filter::expand(arguments.into(), item.into()).into()
}

/// error_message
#[proc_macro_attribute]
pub fn error_message(arguments: TokenStream, item: TokenStream) -> TokenStream {
    error_page::expand(arguments.into(), item.into()).into()
}

/// Model
#[proc_macro_derive(Model, attributes(param, header, cookie, path_value, group, default))]
pub fn model(input: TokenStream) -> TokenStream {
    model::expand(input.into()).into()
}
