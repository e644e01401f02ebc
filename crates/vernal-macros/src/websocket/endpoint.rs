//! One use of an attribute of WebSocket connections, read: which connections reach the handler.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Ident, LitStr};

use crate::attribute::{Entry, fill, number, text, unknown_key};
use crate::mistakes::Mistakes;
use crate::pattern::Pattern;
use crate::reach::Way;

/// The keys that all these attributes have.
pub(super) const KEYS: [&str; 5] = ["path", "endpoint", "regexp", "rank", "app"];

/// Where clients connect to.
#[derive(Default)]
pub(super) struct Endpoint {
    path: Option<LitStr>,
    regexp: Option<LitStr>,
    rank: Option<i32>,
    app: Option<LitStr>,
}

impl Endpoint {
    /// Reads the entries; `name` is the attribute's, `others` are keys of its own, `item` is what it stands on.
    pub(super) fn read(
        name: &str,
        others: &[&str],
        entries: Vec<Entry>,
        item: impl ToTokens,
        mistakes: &mut Mistakes,
    ) -> Endpoint {
        let mut endpoint = Endpoint::default();
        for Entry { key, value } in entries {
            let key = key.unwrap_or_else(|| Ident::new("path", syn::spanned::Spanned::span(&value)));
            match key.to_string().as_str() {
                "path" | "endpoint" => {
                    let example = format!("#[{name}(\"/ws/{{room}}\")]");
                    fill(&mut endpoint.path, &key, text(&value, &example), mistakes);
                }
                "regexp" => {
                    fill(&mut endpoint.regexp, &key, text(&value, "regexp = \"^ws/(.+)$\""), mistakes)
                }
                "rank" => fill(&mut endpoint.rank, &key, number(&value), mistakes),
                "app" => fill(&mut endpoint.app, &key, text(&value, "app = \"2\""), mistakes),
                _ => {
                    let known: Vec<&str> = KEYS.iter().chain(others).copied().collect();
                    mistakes.note(unknown_key(name, &key, &known));
                }
            }
        }
        match (&endpoint.path, &endpoint.regexp) {
            (Some(_), Some(regexp)) => mistakes.add(
                regexp,
                format!(
                    "an endpoint is a path or a regexp, not both: write a second `#[{name}]` for the other"
                ),
            ),
            (None, None) => mistakes.add(
                item,
                format!("say where clients connect to: `#[{name}(\"/ws\")]`, or `regexp = \"…\"`"),
            ),
            _ => {}
        }
        endpoint
    }

    /// What the endpoint offers to the arguments; what is wrong with its pattern is noted.
    pub(super) fn way(&self, mistakes: &mut Mistakes) -> Way {
        let Some(path) = &self.path else { return Way::Regexp };
        match Pattern::read(&path.value()) {
            Ok(pattern) => Way::Path { text: path.value(), pattern },
            Err(mistake) => {
                mistakes.add(path, mistake);
                Way::Wrong
            }
        }
    }

    /// The app that the endpoint belongs to; `""` is the default one.
    pub(super) fn app_text(&self) -> String {
        self.app.as_ref().map(LitStr::value).unwrap_or_default()
    }

    /// The expression that builds the `Route`.
    pub(super) fn route(&self) -> TokenStream {
        let start = match (&self.regexp, &self.path) {
            (Some(regexp), _) => quote! { ::vernal::route::Route::regexp(#regexp) },
            (None, path) => quote! { ::vernal::route::Route::path(#path) },
        };
        let rank = self.rank.map(|rank| quote! { .rank(#rank) });
        quote! { #start #rank }
    }
}
