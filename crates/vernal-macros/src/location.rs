//! Where a declaration stands in the user's source.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;

/// The expression of the `Location` of a function. `name` is the function's name as messages show it; the line
/// is that of the function's own name, not of its attributes.
pub(crate) fn location(name: &str, ident: &Ident) -> TokenStream {
    location_at(name, ident.span())
}

/// The expression of the `Location` of what stands there.
pub(crate) fn location_at(name: &str, span: Span) -> TokenStream {
    quote_spanned! { span =>
        ::vernal::route::Location {
            function: #name,
            module: ::core::module_path!(),
            file: ::core::file!(),
            line: ::core::line!(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_names_the_function() {
        let ident = Ident::new("say", proc_macro2::Span::call_site());
        let tokens = location("Greeter::say", &ident).to_string();
        assert!(tokens.contains("function : \"Greeter::say\""), "{tokens}");
    }
}
