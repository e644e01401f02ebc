//! What is wrong with one item: collected, then reported all at once.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Error;

/// The mistakes found in one item so far.
#[derive(Default)]
pub(crate) struct Mistakes {
    found: Option<Error>,
}

impl Mistakes {
    /// Notes a mistake at the user's own tokens. The text says what is wrong and what to write instead.
    pub(crate) fn add(&mut self, at: impl ToTokens, text: impl AsRef<str>) {
        self.note(Error::new_spanned(at, text.as_ref()));
    }

    /// Notes an error that already knows its place.
    pub(crate) fn note(&mut self, error: Error) {
        match &mut self.found {
            Some(found) => found.combine(error),
            None => self.found = Some(error),
        }
    }

    /// The value, or a note of why there is none.
    pub(crate) fn take<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.note(error)).ok()
    }

    /// `Err` with one `compile_error!` for each mistake, where there was any.
    pub(crate) fn check(self) -> Result<(), TokenStream> {
        match self.found {
            Some(error) => Err(error.into_compile_error()),
            None => Ok(()),
        }
    }
}

/// The error beside the item, so that other code that uses the item isn't reported as well.
pub(crate) fn beside(item: impl ToTokens, error: TokenStream) -> TokenStream {
    quote! { #item #error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_becomes_a_compile_error() {
        let mut mistakes = Mistakes::default();
        mistakes.add(quote!(first), "one");
        mistakes.add(quote!(second), "two");
        let report = mistakes.check().expect_err("two mistakes").to_string();
        assert_eq!(report.matches("compile_error").count(), 2);
    }

    #[test]
    fn no_mistake_is_no_error() {
        assert!(Mistakes::default().check().is_ok());
    }
}
