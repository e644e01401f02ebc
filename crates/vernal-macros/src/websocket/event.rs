//! The events of a connection: what each is called, and what it is told.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

/// What may happen on a connection; `vernal::websocket::EventKind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Handshake,
    Open,
    TextMessage,
    BinaryMessage,
    BinaryFrame,
    PingMessage,
    PongMessage,
    Close,
}

pub(super) const EVENTS: [Event; 8] = [
    Event::Handshake,
    Event::Open,
    Event::TextMessage,
    Event::BinaryMessage,
    Event::BinaryFrame,
    Event::PingMessage,
    Event::PongMessage,
    Event::Close,
];

impl Event {
    /// The name of the method of `WebsocketHandler`.
    pub(super) fn method(self) -> &'static str {
        match self {
            Event::Handshake => "on_handshake",
            Event::Open => "on_open",
            Event::TextMessage => "on_text_message",
            Event::BinaryMessage => "on_binary_message",
            Event::BinaryFrame => "on_binary_frame",
            Event::PingMessage => "on_ping_message",
            Event::PongMessage => "on_pong_message",
            Event::Close => "on_close",
        }
    }

    pub(super) fn of_method(name: &str) -> Option<Event> {
        EVENTS.into_iter().find(|event| event.method() == name)
    }

    /// The kind of `#[websocket_message(kind = "…")]`.
    pub(super) fn of_message_kind(kind: &str) -> Option<Event> {
        match kind {
            "text" => Some(Event::TextMessage),
            "binary" => Some(Event::BinaryMessage),
            "binary_frame" => Some(Event::BinaryFrame),
            "ping" => Some(Event::PingMessage),
            "pong" => Some(Event::PongMessage),
            _ => None,
        }
    }

    /// The variant of `EventKind` and of `EventFunction`.
    pub(super) fn variant(self) -> Ident {
        Ident::new(&format!("{self:?}"), Span::call_site())
    }

    /// Whether the event comes with bytes.
    pub(super) fn has_bytes(self) -> bool {
        matches!(self, Event::BinaryMessage | Event::BinaryFrame | Event::PingMessage | Event::PongMessage)
    }

    /// The type of what the event answers.
    pub(super) fn answer(self) -> TokenStream {
        match self {
            Event::Handshake => quote! { ::vernal::websocket::Handshake },
            Event::BinaryFrame => quote! { ::vernal::websocket::KeepFrame },
            _ => quote! { () },
        }
    }

    /// The arguments that the engine passes, named by the two given names and `fin`.
    pub(super) fn arguments(self, names: &Names) -> TokenStream {
        let Names { session, request, value, fin } = names;
        let session = quote! { #session: &'e ::vernal::websocket::WebsocketSession };
        match self {
            Event::Handshake => quote! { #request: &'e ::vernal::websocket::WebsocketRequest },
            Event::Open => session,
            Event::TextMessage => quote! { #session, #value: ::std::string::String },
            Event::BinaryFrame => quote! { #session, #fin: bool, #value: ::vernal::prelude::Bytes },
            Event::Close => quote! { #session, #value: ::vernal::websocket::CloseReason },
            _ => quote! { #session, #value: ::vernal::prelude::Bytes },
        }
    }

    /// What of an event can be told, for messages.
    pub(super) fn offers(self) -> &'static str {
        match self {
            Event::Handshake => "`&WebsocketRequest`",
            Event::Open => "`&WebsocketSession`",
            Event::TextMessage => "`&WebsocketSession` and the message, a `String` or `&str`",
            Event::BinaryFrame => {
                "`&WebsocketSession`, `fin: bool` and the payload, `Bytes`, `Vec<u8>` or `&[u8]`"
            }
            Event::Close => "`&WebsocketSession` and the reason, `CloseReason`",
            Event::BinaryMessage | Event::PingMessage | Event::PongMessage => {
                "`&WebsocketSession` and the message, `Bytes`, `Vec<u8>` or `&[u8]`"
            }
        }
    }
}

/// The names of what the engine passes, invisible to the user's expressions.
pub(super) struct Names {
    pub(super) session: Ident,
    pub(super) request: Ident,
    pub(super) value: Ident,
    pub(super) fin: Ident,
}

impl Names {
    pub(super) fn new() -> Names {
        let local = crate::call::local;
        Names {
            session: local("session"),
            request: local("request"),
            value: local("value"),
            fin: local("fin"),
        }
    }
}
