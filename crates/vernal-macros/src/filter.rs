//! `#[request_filter(…)]` on an `async fn(ctx: &mut FilterContext) -> Result<()>`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{FnArg, Ident, ItemFn, LitStr, ReturnType, Type};

use crate::attribute::{Usage, conditions, fill, number, take_off, text, unknown_key};
use crate::call::local;
use crate::declaration::{by_app, enclose, submit};
use crate::location::location;
use crate::mistakes::{Mistakes, beside};
use crate::pattern::Pattern;
use crate::signature::check_kind;
use crate::types;

const NAME: &str = "request_filter";
const KEYS: [&str; 5] = ["path", "url", "regexp", "order", "app"];

/// One `#[request_filter(…)]`, read.
struct Filter {
    app: String,
    order: Option<i32>,
    pattern: TokenStream,
}

/// Expands the first `#[request_filter]` of a function, together with those below it.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut function: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let text = format!("`#[{NAME}]` stands on a function ({error})");
            return beside(item, syn::Error::new(error.span(), text).into_compile_error());
        }
    };
    let mut mistakes = Mistakes::default();
    let mut usages = vec![Usage::called(NAME, arguments, &mut mistakes)];
    for attribute in take_off(&mut function.attrs, &[NAME]) {
        usages.push(Usage::stacked(&attribute, &mut mistakes));
    }
    let filters: Vec<Filter> = usages
        .into_iter()
        .filter_map(|usage| Filter::read(usage, &function.sig.ident, &mut mistakes))
        .collect();
    let context = read_signature(&function.sig, &mut mistakes);
    match (mistakes.check(), context) {
        (Ok(()), Some(context)) => generate(&function, &context, &filters),
        (report, _) => beside(function, report.err().unwrap_or_default()),
    }
}

impl Filter {
    fn read(usage: Usage, function: &Ident, mistakes: &mut Mistakes) -> Option<Filter> {
        let (mut path, mut regexp, mut order, mut app) =
            (None::<LitStr>, None::<LitStr>, None, None::<LitStr>);
        for entry in usage.entries {
            let path_value = || text(&entry.value, "#[request_filter(\"/admin/**\")]");
            let Some(key) = &entry.key else {
                fill(&mut path, &Ident::new("path", entry.value.span()), path_value(), mistakes);
                continue;
            };
            match key.to_string().as_str() {
                "path" | "url" => fill(&mut path, key, path_value(), mistakes),
                "regexp" => fill(&mut regexp, key, text(&entry.value, "regexp = \"^/admin\""), mistakes),
                "order" => fill(&mut order, key, number(&entry.value), mistakes),
                "app" => fill(&mut app, key, text(&entry.value, "app = \"2\""), mistakes),
                _ => mistakes.note(unknown_key(NAME, key, &KEYS)),
            }
        }
        let pattern = pattern(path, regexp, function, mistakes)?;
        Some(Filter { app: app.map(|app| app.value()).unwrap_or_default(), order, pattern })
    }
}

/// The expression of the `FilterPattern`.
fn pattern(
    path: Option<LitStr>,
    regexp: Option<LitStr>,
    function: &Ident,
    mistakes: &mut Mistakes,
) -> Option<TokenStream> {
    match (path, regexp) {
        (Some(path), None) => {
            mistakes
                .take(Pattern::read(&path.value()).map_err(|text| syn::Error::new_spanned(&path, text)))?;
            Some(quote! { ::vernal::filter::FilterPattern::path(#path) })
        }
        (None, Some(regexp)) => Some(quote! { ::vernal::filter::FilterPattern::regexp(#regexp) }),
        (Some(_), Some(regexp)) => {
            mistakes
                .add(regexp, "a filter has a path or a regexp, not both: write a second `#[request_filter]`");
            None
        }
        (None, None) => {
            let text = "a filter says which paths it stands before: `#[request_filter(\"/**\")]`, or `regexp = \"…\"`";
            mistakes.add(function, text);
            None
        }
    }
}

/// Checks the signature; returns the type of the one argument as the user wrote it.
fn read_signature(signature: &syn::Signature, mistakes: &mut Mistakes) -> Option<Type> {
    check_kind(signature, "filter", mistakes);
    if signature.asyncness.is_none() {
        mistakes
            .add(signature.fn_token, "a filter is async, for it awaits `ctx.do_chain()`: write `async fn`");
    }
    if let ReturnType::Default = signature.output {
        mistakes.add(&signature.ident, "a filter can fail: write `-> Result<()>`, and `Ok(())` at its end");
    }
    let advice =
        "a filter takes one argument, `ctx: &mut FilterContext`: the request, the response and the chain";
    if signature.inputs.len() != 1 {
        match signature.inputs.iter().nth(1) {
            Some(second) => mistakes.add(second, advice),
            None => mistakes.add(&signature.ident, advice),
        }
        return None;
    }
    match signature.inputs.first() {
        Some(FnArg::Typed(argument)) if is_mutable_reference(&argument.ty) => Some((*argument.ty).clone()),
        other => {
            mistakes.add(other, advice);
            None
        }
    }
}

fn is_mutable_reference(ty: &Type) -> bool {
    types::reference(ty).is_some_and(|reference| reference.mutability.is_some())
}

fn generate(function: &ItemFn, context: &Type, filters: &[Filter]) -> TokenStream {
    let ident = &function.sig.ident;
    let location = location(&ident.to_string(), ident);
    let call = call(function, context);
    let declarations = by_app(filters, |filter| filter.app.clone()).into_iter().map(|(app, filters)| {
        let order = match filters.iter().find_map(|filter| filter.order) {
            Some(order) => quote! { ::core::option::Option::Some(#order) },
            None => quote! { ::core::option::Option::None },
        };
        let patterns = filters.iter().map(|filter| &filter.pattern);
        submit(
            quote! { Filter },
            quote! {
                ::vernal::scan::FilterDeclaration {
                    location: #location,
                    app: #app,
                    patterns: || ::std::vec![#(#patterns),*],
                    order: #order,
                    filter: || ::std::boxed::Box::new(::vernal::filter::FunctionFilter::new(__vernal_call)),
                }
            },
        )
    });
    let hidden = enclose(&conditions(&function.attrs), quote! { #call #(#declarations)* });
    quote! { #function #hidden }
}

/// The function that the engine calls. A wrong type of the argument or of the result is said at that type.
fn call(function: &ItemFn, context_type: &Type) -> TokenStream {
    let ident = &function.sig.ident;
    let (context, outcome) = (local("context"), local("outcome"));
    let called = quote_spanned! { ident.span() => #ident(#context).await };
    let span = function.sig.output.span();
    let check = quote_spanned! { span => let #outcome: ::vernal::Result<()> = #called; };
    let take = quote_spanned! { context_type.span() => let #context: #context_type = #context; };
    quote! {
        fn __vernal_call<'c>(
            #context: &'c mut ::vernal::filter::FilterContext,
        ) -> ::core::pin::Pin<
            ::std::boxed::Box<dyn ::core::future::Future<Output = ::vernal::Result<()>> + ::core::marker::Send + 'c>,
        > {
            ::std::boxed::Box::pin(async move { #take #check #outcome })
        }
    }
}
