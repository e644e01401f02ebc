//! What is read of a request before its controller is called, and what it is read from.

use std::sync::PoisonError;

use bytes::Bytes;

use crate::bind::BodyUse;
use crate::parse::{Incoming, Params, parse_multipart, parse_urlencoded};
use crate::request::{Late, Request};
use crate::{App, Headers, HttpError};

impl Request {
    /// Whether there is nothing to read of the body for this use.
    pub(crate) fn is_prepared(&self, body_use: BodyUse) -> bool {
        match body_use {
            BodyUse::Nothing | BodyUse::Stream => true,
            BodyUse::Form => !self.has_form(),
            BodyUse::FormOrJson => !self.has_form() && !self.has_json(),
            BodyUse::Whole => false,
        }
    }

    /// Reads of the body what the controller's signature asks for.
    pub(crate) async fn prepare(&self, body_use: BodyUse) -> Result<(), HttpError> {
        match body_use {
            BodyUse::Nothing | BodyUse::Stream => Ok(()),
            BodyUse::Form => self.load_params().await,
            BodyUse::FormOrJson => {
                if self.has_json() || self.has_form() && self.keeps_form() {
                    self.bytes().await?;
                }
                self.load_params().await
            }
            BodyUse::Whole => {
                self.bytes().await?;
                self.load_params().await
            }
        }
    }

    /// Whether the body is a form that no one has read yet.
    pub(crate) fn has_form(&self) -> bool {
        self.params.get().is_none() && self.has_body() && self.content_type().is_some_and(is_form)
    }

    /// Whether the body is a JSON text that no one has read yet.
    fn has_json(&self) -> bool {
        self.has_unread_body() && self.content_type().is_some_and(is_json)
    }

    /// Whether a form is small enough to be kept beside its parameters; a large upload goes to disk, not into memory.
    fn keeps_form(&self) -> bool {
        let is_small = self.content_length().is_some_and(|length| length <= self.limits().body as u64);
        is_small || !self.content_type().is_some_and(is_multipart)
    }

    /// Parses the parameters of the form, if the body is one, and of the query.
    pub(crate) async fn load_params(&self) -> Result<(), HttpError> {
        if self.params.get().is_some() {
            return Ok(());
        }
        let mut params = Params::default();
        if self.has_form() {
            self.parse_form(&mut params).await?;
        }
        self.parse_query(&mut params)?;
        self.params.get_or_init(|| Box::new(params));
        Ok(())
    }

    pub(super) fn parse_query(&self, into: &mut Params) -> Result<(), HttpError> {
        match self.uri.query() {
            Some(query) => {
                let decoding = self.app().map(App::decoding).unwrap_or_default();
                parse_urlencoded(into, query.as_bytes(), decoding, self.limits().parameters)
            }
            None => Ok(()),
        }
    }

    async fn parse_form(&self, into: &mut Params) -> Result<(), HttpError> {
        let decoding = self.app().map(App::decoding).unwrap_or_default();
        let content_type = self.content_type().unwrap_or_default();
        if is_multipart(content_type) {
            let reader = match self.whole_body() {
                // what was read as a whole has been decoded
                Some(bytes) => Incoming::Whole(bytes.clone()).into_reader(&Headers::new(), self.limits()),
                None => self.body_reader(),
            };
            return parse_multipart(reader, content_type, self.limits(), decoding, into).await;
        }
        let decoding = self.app().map(App::form_decoding).unwrap_or_default();
        parse_urlencoded(into, self.bytes().await?, decoding, self.limits().parameters)
    }

    fn has_unread_body(&self) -> bool {
        !self.incoming.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn has_body(&self) -> bool {
        self.has_unread_body() || self.whole_body().is_some_and(|bytes| !bytes.is_empty())
    }

    pub(super) fn late(&self) -> &Late {
        self.late.get_or_init(Box::default)
    }

    /// The body, if it has been read as a whole.
    pub(super) fn whole_body(&self) -> Option<&Bytes> {
        self.late.get()?.body.get()
    }

    pub(super) fn take_incoming(&self) -> Incoming {
        std::mem::take(&mut *self.incoming.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

pub(super) fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
        || media_type.len() > 5
            && media_type.get(media_type.len() - 5..).is_some_and(|end| end.eq_ignore_ascii_case("+json"))
}

fn is_multipart(content_type: &str) -> bool {
    content_type.get(..19).is_some_and(|start| start.eq_ignore_ascii_case("multipart/form-data"))
}

fn is_form(content_type: &str) -> bool {
    const URLENCODED: &str = "application/x-www-form-urlencoded";
    let urlencoded = content_type.get(..URLENCODED.len());
    is_multipart(content_type) || urlencoded.is_some_and(|start| start.eq_ignore_ascii_case(URLENCODED))
}
