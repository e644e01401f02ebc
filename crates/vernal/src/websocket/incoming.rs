//! Bytes to events: frames are read, unmasked, expanded, checked, and put together to messages.

use bytes::buf::Limit;
use bytes::{BufMut, Bytes};

use crate::websocket::deflate::Inflater;
use crate::websocket::frame::{self, Header, Mask, Opcode};
use crate::websocket::text::{self, TextBuffer};
use crate::websocket::violation::Violation;

/// A message may have so many frames without a payload; more are a way to keep a server busy.
const EMPTY_FRAMES: u32 = 100;

/// Room that is made for a payload before any of it has arrived: a header alone costs no more than this.
const TRUSTED: usize = 64 * 1024;

/// From so many missing bytes on, a binary payload is read to where it is to stay.
const DIRECT: usize = 8 * 1024;

/// So many bytes may be read beyond the end of such a payload. Whether nothing follows it is seen by the room that is
/// left; otherwise it would take another system call to find out.
const BEYOND: usize = 16;

/// What a client has sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    Text(String),
    /// A message in one frame.
    Binary(Bytes),
    /// A frame of a message in several.
    BinaryFrame {
        fin: bool,
        payload: Bytes,
    },
    Ping(Bytes),
    Pong(Bytes),
    /// The code and the reason, if there were any.
    Close(Option<(u16, String)>),
}

/// Reads what one client sends, in pieces of any size.
pub(crate) struct Decoder {
    frame_limit: u64,
    message_limit: usize,
    inflater: Option<Inflater>,
    frame: Option<Frame>,
    control: Vec<u8>,
    message: Option<Message>,
    /// The frames of a binary message that its handler kept.
    kept: Option<Vec<u8>>,
}

/// A frame whose payload is arriving.
struct Frame {
    fin: bool,
    opcode: Opcode,
    mask: Mask,
    missing: usize,
}

/// A message that has begun.
struct Message {
    compressed: bool,
    empty_frames: u32,
    content: Content,
}

enum Content {
    Text(TextBuffer),
    Binary {
        /// The payload of the frame that is arriving.
        frame: Vec<u8>,
        in_frames: bool,
    },
}

impl Decoder {
    /// For frames and messages of at most so many bytes; messages may be compressed if there is an inflater.
    pub(crate) fn new(frame_limit: usize, message_limit: usize, inflater: Option<Inflater>) -> Self {
        Decoder {
            frame_limit: frame_limit as u64,
            message_limit,
            inflater,
            frame: None,
            control: Vec::new(),
            message: None,
            kept: None,
        }
    }

    /// Reads up to the end of the next event, or of the bytes, and says how many it read. It overwrites them.
    pub(crate) fn decode(&mut self, bytes: &mut [u8]) -> Result<(usize, Option<Incoming>), Violation> {
        let mut taken = 0;
        loop {
            let rest = &mut bytes[taken..];
            let Some(frame) = &mut self.frame else {
                let Some((header, length)) = Header::parse(rest, self.inflater.is_some())? else {
                    return Ok((taken, None));
                };
                taken += length;
                if let Some(payload) = self.whole_message(&header, &mut bytes[taken..]) {
                    let taken = taken + payload.len();
                    return Ok((taken, Some(message_of(header.opcode, payload)?)));
                }
                self.begin_frame(header)?;
                continue;
            };
            let available = rest.len().min(frame.missing);
            let payload = &mut rest[..available];
            frame.mask.remove(payload);
            frame.missing -= available;
            taken += available;
            let is_whole = frame.missing == 0;
            self.take_payload(payload)?;
            if !is_whole {
                return Ok((taken, None));
            }
            if let Some(incoming) = self.end_frame()? {
                return Ok((taken, Some(incoming)));
            }
        }
    }

    /// The payload, unmasked, if the frame is a whole message, not compressed, and has arrived as a whole: the shortest
    /// way, which most messages can take.
    fn whole_message<'b>(&self, header: &Header, rest: &'b mut [u8]) -> Option<&'b [u8]> {
        let is_message = header.fin && !header.compressed && !header.opcode.is_control();
        if !is_message || self.message.is_some() || header.opcode == Opcode::Continuation {
            return None;
        }
        let length = usize::try_from(header.length).ok()?;
        if header.length > self.frame_limit || length > self.message_limit {
            return None;
        }
        let payload = rest.get_mut(..length)?;
        let mut mask = header.mask;
        mask.remove(payload);
        Some(payload)
    }

    /// Where the bytes that come next may be read to at once, with as much room as may be filled: the rest of a large
    /// binary payload, and a little more. Only what [`decode`](Self::decode) has not been given may go there.
    pub(crate) fn direct_room(&mut self) -> Option<Limit<&mut Vec<u8>>> {
        let missing = self.frame.as_ref().filter(|frame| frame.missing >= DIRECT)?.missing;
        match &mut self.message {
            Some(Message { compressed: false, content: Content::Binary { frame, .. }, .. }) => {
                if frame.len() == frame.capacity() {
                    frame.reserve_exact(missing.min(frame.len().max(TRUSTED)) + BEYOND);
                }
                let room = (missing + BEYOND).min(frame.capacity() - frame.len());
                Some(frame.limit(room))
            }
            _ => None,
        }
    }

    /// Of so many bytes that were read to [`direct_room`](Self::direct_room), takes away those that are beyond the end
    /// of the payload.
    pub(crate) fn take_beyond(&mut self, read: usize) -> Vec<u8> {
        let (Some(frame), Some(Message { content: Content::Binary { frame: payload, .. }, .. })) =
            (&self.frame, &mut self.message)
        else {
            return Vec::new();
        };
        payload.split_off(payload.len() - read.saturating_sub(frame.missing))
    }

    /// So many bytes of the payload were read to [`direct_room`](Self::direct_room).
    pub(crate) fn take_direct(&mut self, read: usize) -> Result<Option<Incoming>, Violation> {
        let (Some(frame), Some(Message { content: Content::Binary { frame: payload, .. }, .. })) =
            (&mut self.frame, &mut self.message)
        else {
            return Ok(None);
        };
        let begin = payload.len() - read;
        frame.mask.remove(&mut payload[begin..]);
        frame.missing -= read;
        if frame.missing == 0 { self.end_frame() } else { Ok(None) }
    }

    /// Keeps the payload of a frame for its message.
    pub(crate) fn keep(&mut self, payload: &[u8]) {
        self.kept.get_or_insert_default().extend_from_slice(payload);
    }

    /// The message of which frames were kept, if any were.
    pub(crate) fn take_kept(&mut self) -> Option<Bytes> {
        self.kept.take().map(Bytes::from)
    }

    fn begin_frame(&mut self, header: Header) -> Result<(), Violation> {
        if header.length > self.frame_limit {
            return Err(Violation::too_big("frame is too large"));
        }
        let length = header.length as usize;
        match header.opcode {
            Opcode::Text | Opcode::Binary if self.message.is_some() => {
                return Err(Violation::protocol("message within a message"));
            }
            Opcode::Text => self.begin_message(&header, Content::Text(TextBuffer::default())),
            Opcode::Binary => {
                let content = Content::Binary { frame: Vec::new(), in_frames: !header.fin };
                self.begin_message(&header, content);
            }
            Opcode::Continuation if self.message.is_none() => {
                return Err(Violation::protocol("continuation of nothing"));
            }
            _ => {}
        }
        if let Some(message) = &mut self.message
            && !header.opcode.is_control()
        {
            message.begin_frame(
                length,
                header.fin,
                self.kept.as_ref().map_or(0, Vec::len),
                self.message_limit,
            )?;
        }
        let Header { fin, opcode, mask, .. } = header;
        self.frame = Some(Frame { fin, opcode, mask, missing: length });
        Ok(())
    }

    fn begin_message(&mut self, header: &Header, content: Content) {
        self.message = Some(Message { compressed: header.compressed, empty_frames: 0, content });
    }

    fn take_payload(&mut self, payload: &[u8]) -> Result<(), Violation> {
        if self.frame.as_ref().is_some_and(|frame| frame.opcode.is_control()) {
            self.control.extend_from_slice(payload);
            return Ok(());
        }
        let Some(message) = &mut self.message else { return Ok(()) };
        match &mut self.inflater {
            Some(inflater) if message.compressed => {
                let room = self.message_limit.saturating_sub(self.kept.as_ref().map_or(0, Vec::len));
                inflater.inflate(payload, &mut |bytes| message.content.push(bytes, room))
            }
            _ => message.content.push(payload, usize::MAX),
        }
    }

    fn end_frame(&mut self) -> Result<Option<Incoming>, Violation> {
        let Some(Frame { fin, opcode, .. }) = self.frame.take() else { return Ok(None) };
        if opcode.is_control() {
            let payload = Bytes::from(std::mem::take(&mut self.control));
            return Ok(Some(match opcode {
                Opcode::Ping => Incoming::Ping(payload),
                Opcode::Pong => Incoming::Pong(payload),
                _ => Incoming::Close(frame::parse_close(&payload)?),
            }));
        }
        let Some(message) = &mut self.message else { return Ok(None) };
        if !fin {
            return Ok(match &mut message.content {
                Content::Text(_) => None,
                Content::Binary { frame, .. } => {
                    Some(Incoming::BinaryFrame { fin, payload: std::mem::take(frame).into() })
                }
            });
        }
        if let Some(inflater) = &mut self.inflater
            && message.compressed
        {
            let room = self.message_limit.saturating_sub(self.kept.as_ref().map_or(0, Vec::len));
            inflater.finish(&mut |bytes| message.content.push(bytes, room))?;
        }
        Ok(match self.message.take().map(|message| message.content) {
            None => None,
            Some(Content::Text(text)) => Some(Incoming::Text(text.finish()?)),
            Some(Content::Binary { frame, in_frames: false }) => Some(Incoming::Binary(frame.into())),
            Some(Content::Binary { frame, in_frames: true }) => {
                Some(Incoming::BinaryFrame { fin, payload: frame.into() })
            }
        })
    }
}

/// A message of one frame.
fn message_of(opcode: Opcode, payload: &[u8]) -> Result<Incoming, Violation> {
    match opcode {
        Opcode::Text => Ok(Incoming::Text(text::check(payload)?.to_owned())),
        _ => Ok(Incoming::Binary(Bytes::copy_from_slice(payload))),
    }
}

impl Message {
    /// Checks that the frame may be a part of the message, and makes room for it; a compressed one makes its room as
    /// it is expanded.
    fn begin_frame(
        &mut self,
        length: usize,
        fin: bool,
        kept: usize,
        message_limit: usize,
    ) -> Result<(), Violation> {
        if length == 0 && !fin {
            self.empty_frames += 1;
            if self.empty_frames > EMPTY_FRAMES {
                return Err(Violation::policy("too many empty frames"));
            }
        }
        let gathered = kept + self.content.len();
        if length > message_limit.saturating_sub(gathered) {
            return Err(TOO_LARGE);
        }
        if !self.compressed {
            self.content.reserve(length.min(TRUSTED));
        }
        Ok(())
    }
}

const TOO_LARGE: Violation = Violation::too_big("message is too large");

impl Content {
    fn len(&self) -> usize {
        match self {
            Content::Text(text) => text.len(),
            Content::Binary { frame, .. } => frame.len(),
        }
    }

    fn reserve(&mut self, bytes: usize) {
        match self {
            // a text in many small frames has to grow by more than each of them needs
            Content::Text(text) if text.len() == 0 => text.reserve(bytes),
            Content::Text(_) => {}
            Content::Binary { frame, .. } if bytes >= DIRECT => frame.reserve_exact(bytes + BEYOND),
            Content::Binary { frame, .. } => frame.reserve_exact(bytes),
        }
    }

    /// Adds bytes, as many as there is room for; what is wrong with those comes before what is wrong with their number,
    /// however many come at a time.
    fn push(&mut self, bytes: &[u8], room: usize) -> Result<(), Violation> {
        let (fitting, beyond) = bytes.split_at(bytes.len().min(room.saturating_sub(self.len())));
        match self {
            Content::Text(text) => text.push(fitting)?,
            Content::Binary { frame, .. } => frame.extend_from_slice(fitting),
        }
        if beyond.is_empty() { Ok(()) } else { Err(TOO_LARGE) }
    }
}

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod pieces;
#[cfg(test)]
mod tests;
