//! `#[derive(Model)]`: a struct whose fields are bound like arguments.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{Data, DeriveInput, Error, Field, Fields, Pat, parse_quote};

use crate::argument::{Argument, check_bodies};
use crate::attribute::last_name;
use crate::binding;
use crate::call::local;
use crate::mistakes::Mistakes;
use crate::reach::Reach;
use crate::source::Said;

/// Expands `#[derive(Model)]`.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let mut mistakes = Mistakes::default();
    check_generics(&input, &mut mistakes);
    let fields = mistakes.take(named_fields(&input)).unwrap_or_default();
    let settled: Vec<(Ident, Argument)> =
        fields.into_iter().filter_map(|field| settle(field, &mut mistakes)).collect();
    check_bodies(settled.iter().map(|(_, argument)| argument), &mut mistakes);
    match mistakes.check() {
        Ok(()) => generate(&input.ident, &settled),
        Err(report) => report,
    }
}

fn check_generics(input: &DeriveInput, mistakes: &mut Mistakes) {
    for parameter in &input.generics.params {
        mistakes.add(
            parameter,
            "a model is one type that owns its values: write the types of the fields themselves",
        );
    }
}

fn named_fields(input: &DeriveInput) -> syn::Result<Vec<Field>> {
    let advice = "a model is a struct with named fields, for values are found by name: `struct Person { name: String }`";
    let at: &dyn ToTokens = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => return Ok(fields.named.iter().cloned().collect()),
            Fields::Unnamed(fields) => fields,
            Fields::Unit => &input.ident,
        },
        Data::Enum(data) => &data.enum_token,
        Data::Union(data) => &data.union_token,
    };
    Err(Error::new_spanned(at, advice))
}

fn settle(mut field: Field, mistakes: &mut Mistakes) -> Option<(Ident, Argument)> {
    let ident = field.ident?;
    for attribute in field.attrs.iter().filter(|attribute| last_name(attribute) == "path") {
        mistakes.add(
            attribute,
            "on a field, a path value is `#[path_value]`: the compiler keeps `#[path]` to itself",
        );
    }
    let said = Said::take(&mut field.attrs, mistakes);
    let pattern: Pat = parse_quote! { #ident };
    Some((ident, Argument::settle(said, pattern, &field.ty, &Reach::Unknown, mistakes)))
}

fn generate(model: &Ident, fields: &[(Ident, Argument)]) -> TokenStream {
    let params = Ident::new("__VERNAL_PARAMS", Span::call_site());
    let request = local("request");
    let statics = binding::params(&params, fields.iter().map(|(_, argument)| argument), false);
    let statements = fields
        .iter()
        .enumerate()
        .map(|(index, (_, argument))| binding::statement(index, argument, &params, &request));
    let values = fields.iter().enumerate().map(|(index, (ident, argument))| {
        let value = binding::passed(index, argument);
        quote! { #ident: #value }
    });
    quote! {
        #[allow(deprecated, unused_variables, clippy::all, clippy::pedantic, clippy::nursery)]
        const _: () = {
            #statics
            #[automatically_derived]
            impl ::vernal::bind::FromRequest for #model {
                const KIND: ::vernal::bind::Kind = ::vernal::bind::Kind::Model(&#params);

                async fn from_request(
                    #request: &::vernal::Request,
                    _: &::vernal::bind::Param,
                ) -> ::vernal::Result<Self> {
                    #(#statements)*
                    ::core::result::Result::Ok(#model { #(#values),* })
                }
            }
        };
    }
}
