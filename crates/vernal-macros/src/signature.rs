//! The signature of a controller function: which values it takes, and how it is called.

use syn::{
    Attribute, FnArg, GenericParam, Ident, PatType, Receiver, ReceiverKind, ReturnType, Safety, Type,
    parse_quote,
};

use crate::argument::{Argument, check_bodies};
use crate::mistakes::Mistakes;
use crate::reach::Reach;
use crate::source::{Said, unknown_on_argument};
use crate::types;

/// A function that answers requests.
pub(crate) struct Handler {
    pub(crate) ident: Ident,
    pub(crate) is_async: bool,
    /// Whether it is a method, called on the controller's object.
    pub(crate) has_receiver: bool,
    pub(crate) takes: Vec<Taken>,
    pub(crate) output: ReturnType,
}

/// What is passed as one argument.
#[expect(clippy::large_enum_variant, reason = "a handful of them lives for the time of one expansion")]
pub(crate) enum Taken {
    /// `&Request`
    Request,
    Bound(Argument),
}

/// Where a function stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Free,
    Controller,
}

impl Handler {
    /// Reads a signature, and takes the attributes that are ours off its arguments.
    pub(crate) fn read(
        signature: &mut syn::Signature,
        place: Place,
        reach: &Reach,
        mistakes: &mut Mistakes,
    ) -> Handler {
        check_kind(signature, "controller", mistakes);
        let mut takes = Vec::new();
        let mut has_receiver = false;
        for input in &mut signature.inputs {
            match input {
                FnArg::Receiver(receiver) => {
                    has_receiver = true;
                    check_receiver(receiver, place, mistakes);
                }
                FnArg::Typed(argument) => takes.push(Taken::read(argument, reach, mistakes)),
            }
        }
        check_output(&signature.output, mistakes);
        let handler = Handler {
            ident: signature.ident.clone(),
            is_async: signature.asyncness.is_some(),
            has_receiver,
            takes,
            output: signature.output.clone(),
        };
        check_bodies(handler.arguments(), mistakes);
        handler
    }

    /// Whether one of the arguments is `&Request`.
    pub(crate) fn takes_request(&self) -> bool {
        self.takes.iter().any(|taken| matches!(taken, Taken::Request))
    }

    /// A function whose arguments are bound by name may have many of them: no reader has to count them.
    pub(crate) fn allow_arguments(&self) -> Option<Attribute> {
        (self.takes.len() > 7).then(|| parse_quote! { #[allow(clippy::too_many_arguments)] })
    }

    /// The arguments that are bound, in their order.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &Argument> {
        self.takes.iter().filter_map(|taken| match taken {
            Taken::Bound(argument) => Some(argument),
            Taken::Request => None,
        })
    }
}

impl Taken {
    /// Reads an argument, and takes the attributes that are ours off it.
    fn read(argument: &mut PatType, reach: &Reach, mistakes: &mut Mistakes) -> Taken {
        let said = Said::take(&mut argument.attrs, mistakes);
        refuse_unknown(&mut argument.attrs, mistakes);
        if types::is_borrowed_request(&argument.ty) {
            check_request(&said, mistakes);
            return Taken::Request;
        }
        check_type(&argument.ty, mistakes);
        Taken::Bound(Argument::settle(said, (*argument.pat).clone(), &argument.ty, reach, mistakes))
    }
}

/// What no function that the framework calls can be: generic, unsafe.
pub(crate) fn check_kind(signature: &syn::Signature, what: &str, mistakes: &mut Mistakes) {
    for parameter in &signature.generics.params {
        if !matches!(parameter, GenericParam::Lifetime(_)) {
            let text = format!(
                "a {what} cannot be generic, for nobody says which type it is: write the type itself"
            );
            mistakes.add(parameter, text);
        }
    }
    if let Safety::Unsafe(unsafety) = &signature.safety {
        mistakes
            .add(unsafety, format!("a {what} is called by the server and cannot be unsafe: remove `unsafe`"));
    }
}

fn check_receiver(receiver: &Receiver, place: Place, mistakes: &mut Mistakes) {
    let text = match (place, &receiver.kind) {
        (Place::Controller, ReceiverKind::Reference(_, _, None)) => return,
        (Place::Controller, _) => {
            "one object serves all requests, so a method takes `&self`: \
             keep what changes in a `Mutex` or an atomic"
        }
        (Place::Free, _) => {
            "a function has no `self`; for the methods of a struct, put `#[controller]` onto their `impl` block"
        }
    };
    mistakes.add(receiver, text);
}

fn check_request(said: &Said, mistakes: &mut Mistakes) {
    if let Some(source) = &said.source {
        mistakes.add(&source.attribute, "`&Request` is the whole request: remove the attribute");
    }
    if let Some(default) = &said.default {
        mistakes.add(default, "there always is a request: remove `#[default(…)]`");
    }
}

/// The response is made when the function has returned, and what it borrowed is gone.
fn check_output(output: &ReturnType, mistakes: &mut Mistakes) {
    let ReturnType::Type(_, ty) = output else { return };
    let Some(reference) = types::reference(ty) else { return };
    if reference.lifetime.as_ref().is_none_or(|lifetime| lifetime.ident != "static") {
        let text =
            "a response keeps nothing borrowed: return a `String`, or `&'static str` for a constant text";
        mistakes.add(ty, text);
    }
}

/// Types that no value can be bound to; the others are left to the compiler.
fn check_type(ty: &Type, mistakes: &mut Mistakes) {
    if let Type::ImplTrait(_) = ty {
        mistakes.add(
            ty,
            "a controller cannot be generic, for nobody says which type it is: write the type itself",
        );
    }
    let Some(reference) = types::reference(ty).filter(|_| !types::is_borrowed_text(ty)) else { return };
    let inner = &reference.elem;
    let advice = if types::is_named(inner, "Request") {
        "a controller reads the request, it doesn't change it: write `&Request`".to_owned()
    } else if matches!(**inner, Type::Slice(_)) {
        "a controller borrows only `&Request` and `&str`: write `Bytes` for the body, or `Vec<…>`".to_owned()
    } else {
        let inner = types::source_text(inner);
        format!("a controller borrows only `&Request` and `&str`: take the value itself, `{inner}`")
    };
    mistakes.add(ty, advice);
}

/// The attributes that are left over must be those that the compiler takes on an argument.
pub(crate) fn refuse_unknown(attributes: &mut Vec<Attribute>, mistakes: &mut Mistakes) {
    const COMPILER: [&str; 5] = ["allow", "expect", "warn", "deny", "forbid"];
    let is_known = |attribute: &Attribute| COMPILER.iter().any(|name| attribute.path().is_ident(name));
    for unknown in attributes.extract_if(.., |attribute| !is_known(attribute)) {
        mistakes.note(unknown_on_argument(&unknown));
    }
}
