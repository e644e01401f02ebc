//! Generates what stands in the registry: the declarations that a server finds when it starts.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Attribute;

/// The entries of one function sorted by the app that they belong to, each app once, in the order of the source.
pub(crate) fn by_app<T>(entries: &[T], app: impl Fn(&T) -> String) -> Vec<(String, Vec<&T>)> {
    let mut apps: Vec<(String, Vec<&T>)> = Vec::new();
    for entry in entries {
        let name = app(entry);
        match apps.iter_mut().find(|(known, _)| *known == name) {
            Some((_, members)) => members.push(entry),
            None => apps.push((name, vec![entry])),
        }
    }
    apps
}

/// Puts generated items where no name of theirs can meet one of the user's.
pub(crate) fn enclose(conditions: &[&Attribute], items: TokenStream) -> TokenStream {
    quote! {
        #(#conditions)*
        #[allow(deprecated, unused_variables, clippy::all, clippy::pedantic, clippy::nursery)]
        const _: () = { #items };
    }
}

/// Submits a `RouteDeclaration`. `routes` is an expression of type `Vec<Route>`; `controller` one of type
/// `Box<dyn Controller>`, in which `objects` is in scope.
pub(crate) fn submit_route(
    location: &TokenStream,
    app: &str,
    routes: TokenStream,
    controller: &TokenStream,
) -> TokenStream {
    submit(
        quote! { Route },
        quote! {
            ::vernal::scan::RouteDeclaration {
                location: #location,
                app: #app,
                routes: || #routes,
                controller: |objects| #controller,
            }
        },
    )
}

/// Submits a declaration of one of the kinds of `vernal::scan::Declaration`.
pub(crate) fn submit(kind: TokenStream, declaration: TokenStream) -> TokenStream {
    quote! {
        ::vernal::inventory::submit! { ::vernal::scan::Declaration::#kind(#declaration) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_sorted_by_app() {
        let entries = [("a", ""), ("b", "2"), ("c", "")];
        let apps = by_app(&entries, |entry| entry.1.to_owned());
        let names: Vec<Vec<&str>> =
            apps.iter().map(|(_, members)| members.iter().map(|entry| entry.0).collect()).collect();
        assert_eq!(names, [vec!["a", "c"], vec!["b"]]);
    }
}
