//! What arrives on a connection, inspected before hyper sees it.

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::ReadBuf;

use crate::App;
use crate::accept::http::chunks::Chunks;
use crate::accept::http::field_names::FieldNames;
use crate::accept::http::head::{Framing, Head, HeadRules, Refusal};

/// Follows the messages of a connection, and lets hyper see whole heads only, once they have been found right.
///
/// Bodies pass as they come. At a head that is refused the bytes end for hyper, which then finishes the answers that
/// are still due; at a body whose framing is broken, reading fails.
pub(crate) struct Inspector {
    place: Place,
    rules: HeadRules,
    /// What the last head named as its host, which most heads of a connection name again.
    host: Vec<u8>,
    wants_upgrade: bool,
    /// Heads that were found right since this was last asked.
    heads: u32,
    /// How many heads of the connection were found right.
    number: u32,
    /// The names of fields of those heads that have to be kept, with their numbers.
    names: Vec<(u32, FieldNames)>,
    /// What has arrived and hyper has not seen; `cleared` bytes of it may go on.
    held: BytesMut,
    cleared: usize,
    stop: Option<Stop>,
    refused: Option<Refusal>,
}

/// What the next byte belongs to.
enum Place {
    Head(Head),
    Body(u64),
    Chunks(Chunks),
    /// Behind a message that asked for another protocol: what follows is HTTP only if hyper asks for it.
    Upgrade,
}

enum Stop {
    Refused(Refusal),
    Broken(&'static str),
    Over,
}

/// What hyper may have.
pub(crate) enum Delivery {
    /// Bytes, or the end.
    Done,
    Broken(&'static str),
    /// More has to be read first.
    Nothing,
}

impl Inspector {
    /// At the beginning of a request, before which the connection had so many.
    pub(crate) fn new(app: &App, before: u32) -> Self {
        Inspector {
            place: Place::Head(Head::default()),
            rules: HeadRules::of(app),
            host: Vec::new(),
            wants_upgrade: false,
            heads: 0,
            number: before,
            names: Vec::new(),
            held: BytesMut::new(),
            cleared: 0,
            stop: None,
            refused: None,
        }
    }

    /// Takes what was read of the first request before.
    pub(crate) fn hold(&mut self, early: Bytes) {
        self.held = early.into();
        self.inspect_held();
    }

    /// Why the last request was refused, if one was and hyper has answered all before it.
    pub(crate) fn refused(&self) -> Option<&Refusal> {
        self.refused.as_ref()
    }

    /// Whether all that has arrived was whole messages.
    pub(crate) fn is_between_messages(&self) -> bool {
        self.held.is_empty() && matches!(self.place, Place::Head(_) | Place::Upgrade)
    }

    /// How many heads were found right since this was last asked.
    pub(crate) fn take_heads(&mut self) -> u32 {
        std::mem::take(&mut self.heads)
    }

    /// The names of fields that have to be kept, each with the number of its request.
    pub(crate) fn take_names(&mut self) -> impl Iterator<Item = (u32, FieldNames)> {
        self.names.drain(..)
    }

    /// Whether a part of a head has arrived.
    pub(crate) fn is_in_head(&self) -> bool {
        !self.held.is_empty() && matches!(self.place, Place::Head(_))
    }

    /// What has arrived and hyper has not seen.
    pub(crate) fn into_unseen(self) -> Bytes {
        if self.held.is_empty() { Bytes::new() } else { self.held.freeze() }
    }

    /// Hands over what was held and is right.
    pub(crate) fn deliver(&mut self, buffer: &mut ReadBuf<'_>) -> Delivery {
        if matches!(self.place, Place::Upgrade) && self.cleared == 0 {
            self.place = Place::Head(Head::default());
            self.inspect_held();
        }
        if self.cleared > 0 {
            let length = self.cleared.min(buffer.remaining());
            buffer.put_slice(&self.held[..length]);
            self.held.advance(length);
            self.cleared -= length;
            return Delivery::Done;
        }
        match self.stop.replace(Stop::Over) {
            Some(Stop::Refused(refusal)) => self.refused = Some(refusal),
            Some(Stop::Broken(explain)) => return Delivery::Broken(explain),
            Some(Stop::Over) => {}
            None => {
                self.stop = None;
                return Delivery::Nothing;
            }
        }
        Delivery::Done
    }

    /// Looks at what was read into the buffer behind its first `before` bytes, and leaves there what may pass: perhaps
    /// nothing.
    pub(crate) fn admit(&mut self, buffer: &mut ReadBuf<'_>, before: usize) {
        let arrived = &mut buffer.filled_mut()[before..];
        if arrived.is_empty() {
            self.end();
        } else if self.held.is_empty() {
            let passed = self.inspect(arrived);
            self.held.extend_from_slice(&arrived[passed..]);
            buffer.set_filled(before + passed);
        } else {
            self.held.extend_from_slice(arrived);
            buffer.set_filled(before);
            self.inspect_held();
        }
    }

    /// The client has finished writing.
    fn end(&mut self) {
        let explain = "The request ended within its head.";
        self.stop = Some(match self.is_in_head() {
            true => Stop::Refused(Refusal::new(400, explain)),
            false => Stop::Over,
        });
    }

    fn inspect_held(&mut self) {
        let mut held = std::mem::take(&mut self.held);
        self.cleared = self.inspect(&mut held);
        self.held = held;
    }

    /// How many of these bytes may pass. A head that is not whole does not; it is shown again, with more.
    fn inspect(&mut self, bytes: &mut [u8]) -> usize {
        let mut at = 0;
        while self.stop.is_none() {
            let rest = &mut bytes[at..];
            match &mut self.place {
                Place::Head(head) => match head.advance(rest, self.rules, &mut self.host) {
                    Ok(None) => break,
                    Ok(Some(framing)) => {
                        at += head.length();
                        self.heads += 1;
                        self.number = self.number.wrapping_add(1);
                        if head.has_odd_names() {
                            self.names.push((self.number, FieldNames::of(&rest[..head.length()])));
                        }
                        self.wants_upgrade = head.wants_upgrade();
                        self.place = match framing {
                            Framing::Length(0) => self.after_message(),
                            Framing::Length(length) => Place::Body(length),
                            Framing::Chunked => Place::Chunks(Chunks::new()),
                        };
                    }
                    Err(refusal) => self.stop = Some(Stop::Refused(refusal)),
                },
                _ if rest.is_empty() => break,
                Place::Body(left) => {
                    let length = rest.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    at += length;
                    *left -= length as u64;
                    if *left == 0 {
                        self.place = self.after_message();
                    }
                }
                Place::Chunks(chunks) => match chunks.advance(rest) {
                    Ok(length) => {
                        at += length;
                        if *chunks == Chunks::Over {
                            self.place = self.after_message();
                        }
                    }
                    Err((length, explain)) => {
                        at += length;
                        self.stop = Some(Stop::Broken(explain));
                    }
                },
                Place::Upgrade => break,
            }
        }
        at
    }

    fn after_message(&self) -> Place {
        if self.wants_upgrade { Place::Upgrade } else { Place::Head(Head::default()) }
    }
}
