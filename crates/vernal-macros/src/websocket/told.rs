//! A function that is told of an event: its arguments, and the function that the engine calls.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{FnArg, PatType, Receiver, ReceiverKind, ReturnType, Type};

use crate::argument::Argument;
use crate::binding;
use crate::call::output_span;
use crate::mistakes::Mistakes;
use crate::reach::Reach;
use crate::signature::{check_kind, refuse_unknown};
use crate::source::Said;
use crate::types;
use crate::websocket::event::{Event, Names};

/// A function, or a method, that is told of an event.
pub(super) struct Told {
    pub(super) event: Event,
    pub(super) ident: Ident,
    pub(super) is_async: bool,
    takes: Vec<Taken>,
    output: ReturnType,
}

/// What is passed as one argument.
#[expect(clippy::large_enum_variant, reason = "a handful of them lives for the time of one expansion")]
enum Taken {
    /// `&WebsocketSession`, or one of its own.
    Session { owned: bool },
    /// `&WebsocketRequest`, `&Request`
    Request,
    /// The message, the payload or the reason, as this expression makes it.
    Value(ValueForm),
    /// Whether a frame is the last of its message.
    Fin,
    /// A value bound from the request that opened the connection.
    Bound(Argument),
}

/// How the message is passed.
#[derive(Clone, Copy)]
enum ValueForm {
    Owned,
    Borrowed,
    Text,
    Slice,
    Vector,
}

impl Told {
    /// Reads a signature, and takes the attributes that are ours off its arguments.
    pub(super) fn read(
        event: Event,
        signature: &mut syn::Signature,
        is_method: bool,
        reach: &Reach,
        mistakes: &mut Mistakes,
    ) -> Told {
        check_kind(signature, "WebSocket handler", mistakes);
        let mut told = Told {
            event,
            ident: signature.ident.clone(),
            is_async: signature.asyncness.is_some(),
            takes: Vec::new(),
            output: signature.output.clone(),
        };
        if is_method && signature.receiver().is_none() {
            mistakes.add(
                &signature.ident,
                "an event of a handler is a method: write `&self` as its first argument",
            );
        }
        for input in &mut signature.inputs {
            match input {
                FnArg::Receiver(receiver) => check_receiver(receiver, is_method, mistakes),
                FnArg::Typed(argument) => {
                    if let Some(taken) = told.take(argument, reach, mistakes) {
                        told.takes.push(taken);
                    }
                }
            }
        }
        told
    }

    /// Reads an argument: what the event tells is known by its type, everything else is bound as in a controller.
    fn take(&self, argument: &mut PatType, reach: &Reach, mistakes: &mut Mistakes) -> Option<Taken> {
        let said = Said::take(&mut argument.attrs, mistakes);
        refuse_unknown(&mut argument.attrs, mistakes);
        let ty = &*argument.ty;
        if said.source.is_none() && said.default.is_none() {
            match self.told_by_type(ty) {
                Some(Ok(taken)) if self.is_free(&taken, argument, reach) => return Some(taken),
                Some(Err(text)) => {
                    mistakes.add(ty, text);
                    return None;
                }
                _ => {}
            }
        }
        if let Some(text) = self.cannot_be_bound(ty) {
            mistakes.add(ty, text);
            return None;
        }
        Some(Taken::Bound(Argument::settle(said, (*argument.pat).clone(), ty, reach, mistakes)))
    }

    /// What the event tells in this type.
    fn told_by_type(&self, ty: &Type) -> Option<Result<Taken, String>> {
        let reference = types::reference(ty);
        let inner = reference.map_or(ty, |reference| &*reference.elem);
        let is_borrowed = reference.is_some();
        if reference.is_some_and(|reference| reference.mutability.is_some()) {
            return Some(Err(format!(
                "an event changes nothing it is told; it takes {}",
                self.event.offers()
            )));
        }
        if types::is_named(inner, "WebsocketSession") {
            return Some(match self.event {
                Event::Handshake => {
                    Err("there is no session before the handshake: take `&WebsocketRequest`".into())
                }
                _ => Ok(Taken::Session { owned: !is_borrowed }),
            });
        }
        if is_borrowed && (types::is_named(inner, "WebsocketRequest") || types::is_named(inner, "Request")) {
            return Some(Ok(Taken::Request));
        }
        let form = match self.event {
            Event::TextMessage if types::is_borrowed_text(ty) => Some(ValueForm::Text),
            Event::TextMessage if types::is_named(ty, "String") => Some(ValueForm::Owned),
            event if event.has_bytes() && types::is_named(ty, "Bytes") => Some(ValueForm::Owned),
            event if event.has_bytes() && types::inside(ty, "Vec").is_some_and(is_byte) => {
                Some(ValueForm::Vector)
            }
            event if event.has_bytes() && is_borrowed && is_bytes_slice(inner) => Some(ValueForm::Slice),
            Event::Close if types::is_named(inner, "CloseReason") => {
                Some(if is_borrowed { ValueForm::Borrowed } else { ValueForm::Owned })
            }
            _ => None,
        };
        if let Some(form) = form {
            return Some(Ok(Taken::Value(form)));
        }
        let is_fin = self.event == Event::BinaryFrame && types::is_named(ty, "bool");
        is_fin.then_some(Ok(Taken::Fin))
    }

    /// Whether the argument is what the event tells, and not a path value or a second one of its kind.
    fn is_free(&self, taken: &Taken, argument: &PatType, reach: &Reach) -> bool {
        let is_same = |other: &Taken| {
            matches!((taken, other), (Taken::Value(_), Taken::Value(_)) | (Taken::Fin, Taken::Fin))
        };
        let name = match &*argument.pat {
            syn::Pat::Ident(pattern) => pattern.ident.to_string(),
            _ => String::new(),
        };
        let may_be_path = matches!(taken, Taken::Value(_) | Taken::Fin);
        let is_path = may_be_path && reach.implies_path(&name, true) == Ok(true);
        !is_path && !self.takes.iter().any(is_same)
    }

    /// Types that no request of a WebSocket has a value for.
    fn cannot_be_bound(&self, ty: &Type) -> Option<String> {
        let offers = self.event.offers();
        if types::is_body(ty) || types::is_named(ty, "MultipartFile") {
            return Some(format!("the request of a WebSocket has no body; this event tells {offers}"));
        }
        if types::is_named(ty, "Session") && self.event != Event::Handshake {
            let text = "a visitor's session can be begun in the handshake only, where there is an answer to carry \
                        its cookie: take `Option<Session>`, the one there is";
            return Some(text.to_owned());
        }
        let is_reference = types::reference(ty).is_some() && !types::is_borrowed_text(ty);
        is_reference
            .then(|| format!("this event tells {offers}; of the request, values are taken, not borrowed"))
    }

    fn bound(&self) -> impl Iterator<Item = &Argument> {
        self.takes.iter().filter_map(|taken| match taken {
            Taken::Bound(argument) => Some(argument),
            _ => None,
        })
    }

    /// The name of the static that holds the `Param`s.
    pub(super) fn params_name(&self) -> Ident {
        let name = format!("__VERNAL_PARAMS_{}", self.event.method().to_uppercase());
        Ident::new(&name, Span::call_site())
    }

    /// The static with the bound arguments as data.
    pub(super) fn params(&self) -> TokenStream {
        binding::params(&self.params_name(), self.bound(), false)
    }

    /// The expression of the `Event`, where what [`Names`] says is in scope: binds, calls, and says what came of it.
    /// `function` is the user's, `this` the object that a method is called on.
    pub(super) fn answer(&self, names: &Names, function: impl ToTokens, this: Option<&Ident>) -> TokenStream {
        let Names { session, request, .. } = names;
        let params = self.params_name();
        let opened = (self.event != Event::Handshake)
            .then(|| quote! { let #request = ::vernal::websocket::WebsocketSession::request(#session); });
        let plain = match self.bound().next() {
            Some(_) => quote! { let bound_request: &::vernal::Request = #request; },
            None => TokenStream::new(),
        };
        let bound_request = Ident::new("bound_request", Span::call_site());
        let statements = self
            .bound()
            .enumerate()
            .map(|(index, argument)| binding::statement(index, argument, &params, &bound_request));
        let arguments = self.arguments(names, this);
        let wait = self.is_async.then(|| quote! { .await });
        let span = self.ident.span();
        let called = quote_spanned! { span => #function(#arguments)#wait };
        let answer = self.event.answer();
        let into_event = quote_spanned! { output_span(&self.output, &self.ident) =>
            let outcome = #called;
            ::vernal::websocket::IntoEvent::<#answer>::into_event(outcome)
        };
        let body = quote_spanned! { span => async move { #opened #plain #(#statements)* #into_event } };
        match self.is_async {
            true => quote_spanned! { span => ::vernal::websocket::Event::future(#body) },
            false => quote_spanned! { span => ::vernal::websocket::Event::immediate(&#params, #body) },
        }
    }

    fn arguments(&self, names: &Names, this: Option<&Ident>) -> TokenStream {
        let Names { session, request, value, fin } = names;
        let mut index = 0;
        let values = self.takes.iter().map(|taken| match taken {
            Taken::Session { owned: false } => quote! { #session },
            Taken::Session { owned: true } => quote! { ::core::clone::Clone::clone(#session) },
            Taken::Request => quote! { #request },
            Taken::Fin => quote! { #fin },
            Taken::Value(ValueForm::Owned) => quote! { #value },
            Taken::Value(ValueForm::Borrowed) => quote! { &#value },
            Taken::Value(ValueForm::Text) => quote! { #value.as_str() },
            Taken::Value(ValueForm::Slice) => quote! { &#value[..] },
            Taken::Value(ValueForm::Vector) => quote! { ::std::vec::Vec::from(#value) },
            Taken::Bound(argument) => {
                index += 1;
                binding::passed(index - 1, argument)
            }
        });
        let this = this.map(|this| quote! { #this, });
        quote! { #this #(#values),* }
    }
}

fn is_byte(ty: &Type) -> bool {
    types::is_named(ty, "u8")
}

fn is_bytes_slice(ty: &Type) -> bool {
    matches!(ty, Type::Slice(slice) if is_byte(&slice.elem))
}

fn check_receiver(receiver: &Receiver, is_method: bool, mistakes: &mut Mistakes) {
    let text = match (is_method, &receiver.kind) {
        (true, ReceiverKind::Reference(_, _, None)) => return,
        (true, _) => {
            "a handler may be told of several connections at once, so a method takes `&self`: \
             keep what changes in a `Mutex` or an atomic, or attach it to the session"
        }
        (false, _) => {
            "a function has no `self`; for the methods of a struct, put `#[websocket_handler]` onto its \
             `impl WebsocketHandler`"
        }
    };
    mistakes.add(receiver, text);
}
