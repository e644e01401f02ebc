//! `#[request_filter(…)]` on an `async fn(ctx: &mut FilterContext) -> Result<()>`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, FnArg, Ident, ItemFn, LitStr, ReturnType, Type};

use crate::attribute::{Entry, Usage, conditions, fill, number, take_off, text, unknown_key};
use crate::call::output_span;
use crate::declaration::{by_app, enclose, submit};
use crate::location::location;
use crate::mistakes::{Mistakes, beside};
use crate::pattern::Pattern;
use crate::signature::check_kind;
use crate::types;

const NAME: &str = "request_filter";
const KEYS: [&str; 5] = ["path", "url", "regexp", "order", "app"];

/// One `#[request_filter(…)]`, read.
#[derive(Default)]
struct Filter {
    path: Option<LitStr>,
    regexp: Option<LitStr>,
    order: Option<i32>,
    app: Option<LitStr>,
}

/// Expands the first `#[request_filter]` of a function, together with those below it.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut function: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let text = format!("`#[{NAME}]` stands on a function ({error})");
            return beside(item, Error::new(error.span(), text).into_compile_error());
        }
    };
    let mut mistakes = Mistakes::default();
    let mut usages = vec![Usage::called(NAME, arguments, &mut mistakes)];
    for attribute in take_off(&mut function.attrs, &[NAME]) {
        usages.push(Usage::stacked(&attribute, &mut mistakes));
    }
    let name = function.sig.ident.clone();
    let filters: Vec<Filter> =
        usages.into_iter().map(|usage| Filter::read(usage, &name, &mut mistakes)).collect();
    let order = only_order(&filters, &name, &mut mistakes);
    let context = read_signature(&function.sig, &mut mistakes);
    match (mistakes.check(), context) {
        (Ok(()), Some(context)) => generate(&function, &context, &filters, order),
        (report, _) => beside(function, report.err().unwrap_or_default()),
    }
}

impl Filter {
    fn read(usage: Usage, function: &Ident, mistakes: &mut Mistakes) -> Filter {
        let mut filter = Filter::default();
        for Entry { key, value } in usage.entries {
            let key = key.unwrap_or_else(|| Ident::new("path", value.span()));
            match key.to_string().as_str() {
                "path" | "url" => {
                    fill(&mut filter.path, &key, text(&value, "#[request_filter(\"/admin/**\")]"), mistakes);
                }
                "regexp" => fill(&mut filter.regexp, &key, text(&value, "regexp = \"^/admin\""), mistakes),
                "order" => fill(&mut filter.order, &key, number(&value), mistakes),
                "app" => fill(&mut filter.app, &key, text(&value, "app = \"2\""), mistakes),
                _ => mistakes.note(unknown_key(NAME, &key, &KEYS)),
            }
        }
        filter.check_pattern(function, mistakes);
        filter
    }

    fn check_pattern(&self, function: &Ident, mistakes: &mut Mistakes) {
        match (&self.path, &self.regexp) {
            (Some(path), None) => {
                mistakes.take(Pattern::read(&path.value()).map_err(|text| Error::new_spanned(path, text)));
            }
            (None, Some(_)) => {}
            (Some(_), Some(regexp)) => mistakes.add(
                regexp,
                "a filter has a path or a regexp, not both: write a second `#[request_filter]` for the other",
            ),
            (None, None) => mistakes.add(
                function,
                "a filter says which paths it stands before: `#[request_filter(\"/**\")]`, or `regexp = \"…\"`",
            ),
        }
    }

    /// The expression of the `FilterPattern`.
    fn pattern(&self) -> TokenStream {
        match (&self.path, &self.regexp) {
            (_, Some(regexp)) => quote! { ::vernal::filter::FilterPattern::regexp(#regexp) },
            (path, None) => quote! { ::vernal::filter::FilterPattern::path(#path) },
        }
    }

    fn app_text(&self) -> String {
        self.app.as_ref().map(LitStr::value).unwrap_or_default()
    }
}

/// A function is one filter with one place in the order, however many patterns it has.
fn only_order(filters: &[Filter], function: &Ident, mistakes: &mut Mistakes) -> Option<i32> {
    let mut orders = filters.iter().filter_map(|filter| filter.order);
    let first = orders.next()?;
    if let Some(second) = orders.find(|order| *order != first) {
        let text =
            format!("a filter has one place in the order, not both {first} and {second}: write one of them");
        mistakes.add(function, text);
    }
    Some(first)
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

fn generate(function: &ItemFn, context: &Type, filters: &[Filter], order: Option<i32>) -> TokenStream {
    let ident = &function.sig.ident;
    let location = location(&ident.to_string(), ident);
    let call = call(function, context);
    let order = match order {
        Some(order) => quote! { ::core::option::Option::Some(#order) },
        None => quote! { ::core::option::Option::None },
    };
    let declarations = by_app(filters, Filter::app_text).into_iter().map(|(app, filters)| {
        let patterns = filters.iter().map(|filter| filter.pattern());
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
    let mut ident = function.sig.ident.clone();
    let (context_span, output_span) = (context_type.span(), output_span(&function.sig.output, &ident));
    ident.set_span(output_span);
    let context = Ident::new("context", context_span);
    let take = quote_spanned! { context_span => let #context: #context_type = #context; };
    let wait = quote_spanned! { output_span =>
        let outcome: ::vernal::Result<()> = #ident(#context).await;
        outcome
    };
    quote! {
        fn __vernal_call<'c>(
            #context: &'c mut ::vernal::filter::FilterContext,
        ) -> ::core::pin::Pin<
            ::std::boxed::Box<dyn ::core::future::Future<Output = ::vernal::Result<()>> + ::core::marker::Send + 'c>,
        > {
            ::std::boxed::Box::pin(async move { #take #wait })
        }
    }
}
