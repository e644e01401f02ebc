//! One `#[route(…)]`, read: which requests reach the function. `#[controller(…)]` shares the grammar.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Expr, LitStr};

use crate::attribute::{Entry, Usage, fill, flag, list, number, text, texts, unknown_key};
use crate::mistakes::Mistakes;

/// The keys of `#[route]`, in the order in which a message lists them.
const ROUTE_KEYS: [&str; 10] = [
    "path",
    "url",
    "regexp",
    "method",
    "params",
    "headers",
    "match_all_params",
    "match_all_headers",
    "rank",
    "app",
];

/// The keys of `#[controller]`: those that it shares with `#[route]`, and its own.
const CONTROLLER_KEYS: [&str; 11] = [
    "path",
    "url",
    "method",
    "params",
    "headers",
    "match_all_params",
    "match_all_headers",
    "rank",
    "init",
    "scope",
    "app",
];

/// The methods of RFC 9110 section 9 and RFC 5789.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"];

/// What an attribute says about the requests that reach a function, or all functions of a controller.
#[derive(Default)]
pub(crate) struct Mapping {
    pub(crate) path: Option<LitStr>,
    pub(crate) regexp: Option<LitStr>,
    pub(crate) app: Option<LitStr>,
    methods: Option<Vec<String>>,
    params: Option<Vec<LitStr>>,
    headers: Option<Vec<LitStr>>,
    match_all_params: Option<bool>,
    match_all_headers: Option<bool>,
    rank: Option<i32>,
}

impl Mapping {
    /// Reads a `#[route(…)]`.
    pub(crate) fn of_route(usage: Usage, mistakes: &mut Mistakes) -> Mapping {
        let mut mapping = Mapping::default();
        for entry in usage.entries {
            mapping.read_entry(&usage.name, &ROUTE_KEYS, entry, mistakes);
        }
        if let (Some(_), Some(regexp)) = (&mapping.path, &mapping.regexp) {
            mistakes.add(
                regexp,
                format!(
                    "a route has a path or a regexp, not both: write a second `#[{}]` for the other",
                    usage.name
                ),
            );
        }
        mapping
    }

    /// Reads what a `#[controller(…)]` shares with `#[route]`; its own keys have been taken out before.
    pub(crate) fn of_controller(usage: Usage, mistakes: &mut Mistakes) -> Mapping {
        let mut mapping = Mapping::default();
        for entry in usage.entries {
            match &entry.key {
                Some(key) if key == "regexp" => mistakes.add(
                    key,
                    "a controller has no regexp of its own: give it to the methods, as in `#[route(regexp = \"…\")]`",
                ),
                _ => mapping.read_entry(&usage.name, &CONTROLLER_KEYS, entry, mistakes),
            }
        }
        mapping
    }

    fn read_entry(&mut self, name: &str, known: &[&str], entry: Entry, mistakes: &mut Mistakes) {
        let Entry { key, value } = entry;
        let Some(key) = key else { return self.read_positional(name, &value, mistakes) };
        match key.to_string().as_str() {
            "path" | "url" => fill(&mut self.path, &key, text(&value, "path = \"/x\""), mistakes),
            "regexp" => fill(&mut self.regexp, &key, text(&value, "regexp = \"^(reg/(.+))$\""), mistakes),
            "app" => fill(&mut self.app, &key, text(&value, "app = \"2\""), mistakes),
            "method" => fill(&mut self.methods, &key, methods(&value), mistakes),
            "params" => fill(&mut self.params, &key, conditions(&value, "params = \"a=b\""), mistakes),
            "headers" => {
                fill(&mut self.headers, &key, conditions(&value, "headers = \"Accept^=text/\""), mistakes)
            }
            "match_all_params" => fill(&mut self.match_all_params, &key, flag(&value), mistakes),
            "match_all_headers" => fill(&mut self.match_all_headers, &key, flag(&value), mistakes),
            "rank" => fill(&mut self.rank, &key, number(&value), mistakes),
            _ => mistakes.note(unknown_key(name, &key, known)),
        }
    }

    fn read_positional(&mut self, name: &str, value: &Expr, mistakes: &mut Mistakes) {
        let Some(path) = mistakes.take(text(value, &format!("#[{name}(\"/x\")]"))) else { return };
        if self.path.is_some() {
            mistakes.add(&path, "the path is given twice");
        }
        self.path = Some(path);
    }

    /// The path as text; empty where there is none.
    pub(crate) fn path_text(&self) -> String {
        self.path.as_ref().map(LitStr::value).unwrap_or_default()
    }

    /// The app that the route belongs to; `""` is the default one.
    pub(crate) fn app_text(&self) -> Option<String> {
        self.app.as_ref().map(LitStr::value)
    }

    /// The expression that builds the `Route`; without path and regexp it maps `bare_path`.
    pub(crate) fn route(&self, bare_path: &str) -> TokenStream {
        let start = match (&self.regexp, &self.path) {
            (Some(regexp), _) => quote! { ::vernal::route::Route::regexp(#regexp) },
            (None, Some(path)) => quote! { ::vernal::route::Route::path(#path) },
            (None, None) => quote! { ::vernal::route::Route::path(#bare_path) },
        };
        let methods = self.methods.as_ref().map(|methods| quote! { .method(&[#(#methods),*]) });
        let params = self.params.as_ref().map(|params| quote! { .params(&[#(#params),*]) });
        let headers = self.headers.as_ref().map(|headers| quote! { .headers(&[#(#headers),*]) });
        let match_all_params = self.match_all_params.map(|all| quote! { .match_all_params(#all) });
        let match_all_headers = self.match_all_headers.map(|all| quote! { .match_all_headers(#all) });
        let rank = self.rank.map(|rank| quote! { .rank(#rank) });
        quote! { #start #methods #params #headers #match_all_params #match_all_headers #rank }
    }
}

/// Method names, each of them known: `"GET"`, `"GET, POST"`, `["GET", "POST"]`, in any case.
fn methods(value: &Expr) -> syn::Result<Vec<String>> {
    let mut names = Vec::new();
    for literal in texts(value, "method = \"GET\"")? {
        for name in literal.value().split(',').map(|name| name.trim().to_ascii_uppercase()) {
            if !METHODS.contains(&name.as_str()) {
                let text = format!("`{name}` is no method of HTTP; the methods are: {}", list(&METHODS));
                return Err(Error::new_spanned(literal, text));
            }
            names.push(name);
        }
    }
    Ok(names)
}

/// Narrowing expressions: `a=b`, `a!=b`, `a^=b`, `a`, `!a` (`spec/02` section 5).
fn conditions(value: &Expr, example: &str) -> syn::Result<Vec<LitStr>> {
    let literals = texts(value, example)?;
    match literals.iter().find(|literal| literal.value().starts_with('=')) {
        Some(nameless) => Err(Error::new_spanned(
            nameless,
            format!(
                "nothing stands before the `=`, so no request would match: write a name, as in `{example}`"
            ),
        )),
        None => Ok(literals),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: TokenStream) -> Result<Mapping, String> {
        let mut mistakes = Mistakes::default();
        let usage = Usage::called("route", arguments, &mut mistakes);
        let mapping = Mapping::of_route(usage, &mut mistakes);
        mistakes.check().map_err(|report| report.to_string())?;
        Ok(mapping)
    }

    fn route(arguments: TokenStream) -> String {
        read(arguments).expect("a mapping").route("/").to_string().replace(' ', "")
    }

    fn mistake(arguments: TokenStream) -> String {
        read(arguments).err().expect("a mistake")
    }

    #[test]
    fn a_bare_route_maps_the_root() {
        assert_eq!(route(quote!()), "::vernal::route::Route::path(\"/\")");
    }

    #[test]
    fn path_has_three_spellings() {
        for arguments in [quote!("/x"), quote!(path = "/x"), quote!(url = "/x")] {
            assert_eq!(route(arguments), "::vernal::route::Route::path(\"/x\")");
        }
    }

    #[test]
    fn methods_are_a_list_or_a_text_with_commas() {
        for arguments in [quote!(method = "get, POST"), quote!(method = ["GET", "post"])] {
            assert!(route(arguments).ends_with(".method(&[\"GET\",\"POST\"])"));
        }
    }

    #[test]
    fn every_key_reaches_the_builder() {
        let route = route(quote!(
            regexp = "^a$",
            params = ["a=b", "!c"],
            headers = "X-A",
            match_all_params = false,
            match_all_headers = true,
            rank = -2
        ));
        assert_eq!(
            route,
            "::vernal::route::Route::regexp(\"^a$\").params(&[\"a=b\",\"!c\"]).headers(&[\"X-A\"])\
             .match_all_params(false).match_all_headers(true).rank(-2i32)"
        );
    }

    #[test]
    fn mistakes_say_what_to_write() {
        assert!(mistake(quote!(method = "GTE")).contains("`GTE` is no method of HTTP"));
        assert!(mistake(quote!(metod = "GET")).contains("`#[route]` has no `metod`"));
        assert!(mistake(quote!("/a", regexp = "b")).contains("not both"));
        assert!(mistake(quote!("/a", path = "/b")).contains("given twice"));
        assert!(mistake(quote!(rank = "first")).contains("whole number"));
        assert!(mistake(quote!(params = "=b")).contains("nothing stands before"));
        assert!(mistake(quote!(5)).contains("string literal"));
    }

    #[test]
    fn all_mistakes_of_one_attribute_are_reported() {
        let report = mistake(quote!(rank = "first", method = "GTE", what = 1));
        assert_eq!(report.matches("compile_error").count(), 3);
    }
}
