//! What can be sent as a message.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

/// What [`send_text`](crate::websocket::WebsocketSession::send_text) sends: text, borrowed or owned. An owned one is
/// not copied where it is long.
pub trait TextPayload: Send {
    /// The text.
    fn as_text(&self) -> &str;

    /// The text's bytes, for as long as they take to be sent.
    fn into_bytes(self) -> Bytes;
}

/// What [`send_binary`](crate::websocket::WebsocketSession::send_binary) sends: bytes, borrowed or owned. Owned ones
/// are not copied where they are many.
pub trait BinaryPayload: Send {
    /// The bytes.
    fn as_bytes(&self) -> &[u8];

    /// The bytes, for as long as they take to be sent.
    fn into_bytes(self) -> Bytes;
}

macro_rules! text {
    ($($type:ty, $payload:ident => $into:expr;)*) => {
        $(impl TextPayload for $type {
            fn as_text(&self) -> &str {
                self
            }

            fn into_bytes(self) -> Bytes {
                let $payload = self;
                $into
            }
        })*
    };
}

text! {
    &str, text => Bytes::copy_from_slice(text.as_bytes());
    &String, text => Bytes::copy_from_slice(text.as_bytes());
    String, text => Bytes::from(text);
    Box<str>, text => Bytes::from(text.into_string());
    Cow<'_, str>, text => Bytes::from(text.into_owned());
    Arc<str>, text => Bytes::from_owner(Arc::<[u8]>::from(text));
}

macro_rules! binary {
    ($($type:ty, $payload:ident => $into:expr;)*) => {
        $(impl BinaryPayload for $type {
            fn as_bytes(&self) -> &[u8] {
                self
            }

            fn into_bytes(self) -> Bytes {
                let $payload = self;
                $into
            }
        })*
    };
}

binary! {
    &[u8], bytes => Bytes::copy_from_slice(bytes);
    &Vec<u8>, bytes => Bytes::copy_from_slice(bytes);
    Vec<u8>, bytes => Bytes::from(bytes);
    Bytes, bytes => bytes;
    &Bytes, bytes => bytes.clone();
    Arc<[u8]>, bytes => Bytes::from_owner(bytes);
}

impl<const N: usize> BinaryPayload for [u8; N] {
    fn as_bytes(&self) -> &[u8] {
        self
    }

    fn into_bytes(self) -> Bytes {
        Bytes::copy_from_slice(&self)
    }
}

impl<const N: usize> BinaryPayload for &[u8; N] {
    fn as_bytes(&self) -> &[u8] {
        *self
    }

    fn into_bytes(self) -> Bytes {
        Bytes::copy_from_slice(self)
    }
}
