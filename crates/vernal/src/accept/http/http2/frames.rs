//! Frames as they arrive, before h2 reads them (RFC 9113 section 4.1).
//!
//! h2 parses and enforces nearly everything. Three things it keeps to itself: how many frames that ask for no answer
//! have come, which it would take without end; pseudo-header fields in trailers, which it drops without a word; and
//! which error it was, since it says PROTOCOL_ERROR to all that it cannot parse.

use h2::Reason;
use smallvec::SmallVec;

const PREFACE: usize = 24;
const HEAD: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const ACK: u8 = 0x1;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const HAS_PRIORITY: u8 = 0x20;

/// The greatest payload that is taken: the least that a server may announce, and the default (section 6.5.2).
pub(super) const FRAME_BYTES: usize = 16 * 1024;

/// Follows the frames of a connection. Header blocks go on as a whole, everything else as it comes.
pub(super) struct Frames {
    /// Bytes of the preface or of a payload that are still to come.
    skip: usize,
    last_stream: u32,
    table: Table,
    /// Frames that carry neither a request nor data, since this was last asked.
    control: u32,
    /// The frames make no sense: h2 says so to the client, and there is nothing more to follow.
    lost: bool,
    /// They are wrong in a way for which h2 has not the right word. Nothing goes on any more.
    fault: Option<Reason>,
    has_begun: bool,
    continuations: usize,
}

impl Frames {
    /// For header lists of so many bytes.
    pub(super) fn new(header_bytes: usize) -> Self {
        Frames {
            skip: PREFACE,
            last_stream: 0,
            table: Table::default(),
            control: 0,
            lost: false,
            fault: None,
            has_begun: false,
            // more than h2 takes before it ends the connection
            continuations: 8 + 2 * (header_bytes / FRAME_BYTES),
        }
    }

    /// How many control frames have come since this was last called.
    pub(super) fn take_control(&mut self) -> u32 {
        std::mem::take(&mut self.control)
    }

    /// Why the connection has to end, if it has to.
    pub(super) fn fault(&self) -> Option<Reason> {
        self.fault
    }

    /// How many of these bytes may go on. The others are shown again, with more behind them.
    ///
    /// Trailers with pseudo-header fields lose their END_STREAM flag. They are malformed either way (sections 8.1 and
    /// 8.3), and h2 resets the stream for one of the two.
    pub(super) fn pass(&mut self, bytes: &mut [u8]) -> usize {
        let mut at = 0;
        while !self.lost {
            let skipped = self.skip.min(bytes.len() - at);
            self.skip -= skipped;
            at += skipped;
            let Some(head) = Head::read(&bytes[at..]) else { return at };
            if self.fault.is_none() {
                self.fault = self.check(&head);
            }
            if self.fault.is_some() {
                return at;
            }
            match head.kind {
                HEADERS => match self.block(&bytes[at..]) {
                    Block::Whole { length, is_malformed } => {
                        if is_malformed {
                            bytes[at + 4] &= !END_STREAM;
                        }
                        at += length;
                    }
                    Block::Partial => return at,
                    Block::Nonsense => self.lost = true,
                    Block::Undecodable => {
                        self.fault = Some(Reason::COMPRESSION_ERROR);
                        return at;
                    }
                },
                kind => {
                    let is_empty = head.length == 0 && head.flags & END_STREAM == 0;
                    if kind != DATA || is_empty {
                        self.control = self.control.saturating_add(1);
                    }
                    if let Some(values) = head.settings(&bytes[at..])
                        && values.iter().any(|value| value[..2] == INITIAL_WINDOW && value[2] > 0x7f)
                    {
                        self.fault = Some(Reason::FLOW_CONTROL_ERROR);
                        return at;
                    }
                    self.lost = head.length > FRAME_BYTES;
                    self.skip = HEAD + head.length;
                }
            }
        }
        bytes.len()
    }

    /// The error of a frame that cannot be right, whatever it carries (sections 3.4 and 6).
    fn check(&mut self, head: &Head) -> Option<Reason> {
        let is_ack = head.flags & ACK != 0;
        if !std::mem::replace(&mut self.has_begun, true) && (head.kind != SETTINGS || is_ack) {
            return Some(Reason::PROTOCOL_ERROR);
        }
        let is_right = match head.kind {
            PRIORITY => head.length == 5,
            RST_STREAM | WINDOW_UPDATE => head.length == 4,
            SETTINGS if is_ack => head.length == 0,
            SETTINGS => head.length.is_multiple_of(6),
            PING => head.length == 8,
            _ => true,
        };
        (!is_right).then_some(Reason::FRAME_SIZE_ERROR)
    }

    /// Reads HEADERS and the CONTINUATIONs that belong to it (section 6.10).
    fn block(&mut self, bytes: &[u8]) -> Block {
        let mut fragments = SmallVec::<[&[u8]; 4]>::new();
        let (mut at, mut stream) = (0, 0);
        loop {
            let Some(head) = Head::read(&bytes[at..]) else { return Block::Partial };
            let is_next = if at == 0 {
                head.kind == HEADERS
            } else {
                head.kind == CONTINUATION && head.stream == stream && fragments.len() <= self.continuations
            };
            if !is_next || head.length > FRAME_BYTES {
                return Block::Nonsense;
            }
            stream = head.stream;
            let Some(payload) = bytes.get(at + HEAD..at + HEAD + head.length) else { return Block::Partial };
            let Some(fragment) = head.fragment(payload) else { return Block::Nonsense };
            fragments.push(fragment);
            at += HEAD + head.length;
            if head.flags & END_HEADERS != 0 {
                break;
            }
        }
        let read = match &*fragments {
            [fragment] => self.table.read(fragment),
            fragments => self.table.read(&fragments.concat()),
        };
        let Some(has_pseudo) = read else { return Block::Undecodable };
        let is_trailers = stream <= self.last_stream;
        self.last_stream = self.last_stream.max(stream);
        Block::Whole { length: at, is_malformed: is_trailers && has_pseudo }
    }
}

enum Block {
    Whole { length: usize, is_malformed: bool },
    Partial,
    Nonsense,
    Undecodable,
}

/// The identifier of SETTINGS_INITIAL_WINDOW_SIZE (section 6.5.2).
const INITIAL_WINDOW: [u8; 2] = [0, 4];

/// The nine bytes before a payload.
struct Head {
    length: usize,
    kind: u8,
    flags: u8,
    stream: u32,
}

impl Head {
    fn read(bytes: &[u8]) -> Option<Head> {
        let &[a, b, c, kind, flags, d, e, f, g] = bytes.first_chunk::<HEAD>()?;
        Some(Head {
            length: u32::from_be_bytes([0, a, b, c]) as usize,
            kind,
            flags,
            stream: u32::from_be_bytes([d, e, f, g]) & 0x7fff_ffff,
        })
    }

    /// The settings, if this is a frame of them and all of it is there. One that comes in pieces is left to h2.
    fn settings<'a>(&self, bytes: &'a [u8]) -> Option<&'a [[u8; 6]]> {
        let payload = bytes.get(HEAD..HEAD + self.length).filter(|_| self.kind == SETTINGS)?;
        Some(payload.as_chunks().0)
    }

    /// The part of the payload that is a piece of a header block (section 6.2).
    fn fragment<'a>(&self, payload: &'a [u8]) -> Option<&'a [u8]> {
        let flags = if self.kind == HEADERS { self.flags } else { 0 };
        let (padding, payload) = match payload {
            [length, rest @ ..] if flags & PADDED != 0 => (usize::from(*length), rest),
            _ if flags & PADDED != 0 => return None,
            _ => (0, payload),
        };
        let priority = if flags & HAS_PRIORITY != 0 { 5 } else { 0 };
        payload.get(priority..payload.len().checked_sub(padding)?)
    }
}

/// Which entries of the HPACK table are pseudo-header fields (RFC 7541 section 2.3): the lowest bit is the youngest of
/// the dynamic table, which has room for 4096 bytes and so for 128 entries of 32 bytes at least. Entries that have been
/// evicted keep their bit; nothing refers to them, or h2 says so.
#[derive(Default)]
struct Table {
    pseudo: u128,
    /// How many entries there have been, up to what there is room for.
    entries: u32,
}

/// Bytes of the dynamic table, as the server announces them by saying nothing (RFC 9113 section 6.5.2).
const TABLE_BYTES: u32 = 4096;

impl Table {
    /// Whether a header block has a pseudo-header field; none where it cannot be read (section 6).
    fn read(&mut self, mut block: &[u8]) -> Option<bool> {
        let block = &mut block;
        let (mut found, mut has_fields) = (false, false);
        while let Some(&first) = block.first() {
            if first & 0x80 != 0 {
                found |= self.is_pseudo(integer(block, 7)?)?;
                has_fields = true;
            } else if first & 0xe0 == 0x20 {
                // a change of the table's size comes first (section 4.2)
                if has_fields || integer(block, 5)? > TABLE_BYTES {
                    return None;
                }
            } else {
                let is_kept = first & 0x40 != 0;
                let is_pseudo = match integer(block, if is_kept { 6 } else { 4 })? {
                    0 => is_pseudo_name(block)?,
                    index => self.is_pseudo(index)?,
                };
                string(block)?;
                if is_kept {
                    self.pseudo = self.pseudo << 1 | u128::from(is_pseudo);
                    self.entries = (self.entries + 1).min(TABLE_BYTES / 32);
                }
                found |= is_pseudo;
                has_fields = true;
            }
        }
        Some(found)
    }

    /// The static table begins with the pseudo-header fields, and has 61 entries (appendix A). None for an index that
    /// no table has.
    fn is_pseudo(&self, index: u32) -> Option<bool> {
        match index {
            0 => None,
            1..62 => Some(index < 15),
            _ => (index - 62 < self.entries).then(|| self.pseudo >> (index - 62) & 1 != 0),
        }
    }
}

/// Whether a literal name begins with a colon, whose Huffman code has seven bits (RFC 7541 appendix B).
fn is_pseudo_name(block: &mut &[u8]) -> Option<bool> {
    let is_huffman = block.first()? & 0x80 != 0;
    let first = string(block)?.first();
    Some(first.is_some_and(|first| if is_huffman { first >> 1 == 0x5c } else { *first == b':' }))
}

/// A string literal as it came (RFC 7541 section 5.2).
fn string<'a>(block: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = integer(block, 7)? as usize;
    let (string, rest) = block.split_at_checked(length)?;
    *block = rest;
    Some(string)
}

/// An integer with a prefix of so many bits (RFC 7541 section 5.1); none that is longer than any length can be.
fn integer(block: &mut &[u8], prefix: u32) -> Option<u32> {
    let (&first, mut rest) = block.split_first()?;
    let mask = (1u32 << prefix) - 1;
    let mut value = u32::from(first) & mask;
    if value == mask {
        let mut shift = 0;
        loop {
            let (&byte, after) = rest.split_first()?;
            rest = after;
            value = value.checked_add(u32::from(byte & 0x7f) << shift)?;
            if byte & 0x80 == 0 {
                break;
            }
            shift += 7;
            if shift > 21 {
                return None;
            }
        }
    }
    *block = rest;
    Some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        frame
    }

    /// After the preface, so that each test has frames only.
    fn frames() -> Frames {
        let mut frames = Frames::new(65536);
        assert_eq!(frames.pass(&mut [b'x'; PREFACE]), PREFACE);
        assert_eq!(frames.pass(&mut frame(SETTINGS, 0, 0, b"")), HEAD);
        assert_eq!(frames.take_control(), 1);
        frames
    }

    fn fault(bytes: &[u8]) -> Option<Reason> {
        let mut frames = frames();
        let passed = frames.pass(&mut bytes.to_vec());
        assert_eq!(passed == bytes.len(), frames.fault().is_none());
        frames.fault()
    }

    #[test]
    fn frames_of_a_wrong_length_do_not_go_on() {
        for (kind, flags, length) in [(2, 0, 4), (3, 0, 5), (4, 0, 7), (4, ACK, 6), (6, 0, 9), (8, 0, 3)] {
            let wrong = frame(kind, flags, 1, &vec![0; length]);
            assert_eq!(fault(&wrong), Some(Reason::FRAME_SIZE_ERROR), "{kind}");
        }
        assert_eq!(fault(&frame(SETTINGS, 0, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff])), None);
        let window = frame(SETTINGS, 0, 0, &[0, 4, 0x80, 0, 0, 0]);
        assert_eq!(fault(&window), Some(Reason::FLOW_CONTROL_ERROR));
    }

    #[test]
    fn what_cannot_be_decoded_does_not_go_on() {
        for block in [&[0x80][..], &[0xbe], &[0xff; 9], b"\x00\x09x", &[0x82, 0x20], &[0x3f, 0xe2, 0x1f]] {
            let fault = fault(&frame(HEADERS, END_HEADERS, 1, block));
            assert_eq!(fault, Some(Reason::COMPRESSION_ERROR), "{block:?}");
        }
    }

    const GET: [u8; 4] = [0x82, 0x84, 0x86, 0x81];

    fn flags_of_trailers(block: &[u8]) -> u8 {
        let mut bytes = frame(HEADERS, END_HEADERS, 1, &GET);
        let at = bytes.len() + 4;
        bytes.extend(frame(HEADERS, END_HEADERS | END_STREAM, 1, block));
        assert_eq!(frames().pass(&mut bytes), bytes.len());
        bytes[at]
    }

    #[test]
    fn trailers_keep_their_flags() {
        assert_eq!(flags_of_trailers(b"\x00\x01x\x01y"), END_HEADERS | END_STREAM);
        assert_eq!(flags_of_trailers(b""), END_HEADERS | END_STREAM);
    }

    #[test]
    fn trailers_with_a_pseudo_header_field_lose_the_end_of_the_stream() {
        assert_eq!(flags_of_trailers(&[0x84]), END_HEADERS, "indexed");
        assert_eq!(flags_of_trailers(b"\x04\x01/"), END_HEADERS, "an indexed name");
        assert_eq!(flags_of_trailers(b"\x00\x05:path\x01/"), END_HEADERS, "a literal name");
        assert_eq!(flags_of_trailers(b"\x00\x01x\x01y\x00\x02:x\x01/"), END_HEADERS, "an unknown one");
        assert_eq!(flags_of_trailers(b"\x00\x84\xb9\x58\xd3\x3f\x01/"), END_HEADERS, "Huffman for :path");
        assert_eq!(flags_of_trailers(b"\x40\x02:x\x01/\xbe"), END_HEADERS, "kept in the table");
    }

    #[test]
    fn the_table_is_followed_through_all_requests() {
        let mut frames = frames();
        // two entries: `:path: /a`, then `x: y`
        let mut first = frame(HEADERS, END_HEADERS, 1, b"\x44\x02/a\x40\x01x\x01y");
        frames.pass(&mut first);
        let mut harmless = frame(HEADERS, END_HEADERS | END_STREAM, 1, &[62 | 0x80]);
        frames.pass(&mut harmless);
        assert_eq!(harmless[4], END_HEADERS | END_STREAM);
        let mut malformed = frame(HEADERS, END_HEADERS | END_STREAM, 1, &[63 | 0x80]);
        frames.pass(&mut malformed);
        assert_eq!(malformed[4], END_HEADERS);
    }

    #[test]
    fn header_blocks_go_on_when_they_are_whole() {
        let mut frames = frames();
        let mut bytes = frame(HEADERS, 0, 1, &GET[..2]);
        bytes.extend(frame(CONTINUATION, END_HEADERS, 1, &GET[2..]));
        for length in 0..bytes.len() {
            assert_eq!(frames.pass(&mut bytes[..length]), 0, "{length} bytes");
        }
        assert_eq!(frames.pass(&mut bytes), bytes.len());
    }

    #[test]
    fn data_goes_on_as_it_comes() {
        let mut frames = frames();
        let mut bytes = frame(DATA, 0, 1, b"0123456789");
        assert_eq!(frames.pass(&mut bytes[..8]), 0, "half a head");
        assert_eq!(frames.pass(&mut bytes[..12]), 12);
        assert_eq!(frames.pass(&mut bytes[12..]), 7);
        assert_eq!(frames.take_control(), 0);
    }

    #[test]
    fn frames_that_ask_for_nothing_are_counted() {
        let mut frames = frames();
        let mut bytes = Vec::new();
        for (kind, length) in [(2, 5), (3, 4), (4, 6), (6, 8), (8, 4), (0x10, 7), (0xff, 0)] {
            bytes.extend(frame(kind, 0, 0, &vec![0; length]));
        }
        bytes.extend(frame(DATA, 0, 1, b""));
        bytes.extend(frame(DATA, END_STREAM, 1, b""));
        assert_eq!(frames.pass(&mut bytes), bytes.len());
        assert_eq!(frames.take_control(), 8);
        assert_eq!(frames.take_control(), 0);
    }

    #[test]
    fn continuations_without_end_are_not_held() {
        let mut frames = frames();
        let mut bytes = frame(HEADERS, 0, 1, &GET);
        while frames.pass(&mut bytes) == 0 {
            bytes.extend(frame(CONTINUATION, 0, 1, b""));
            assert!(bytes.len() < 10_000, "they are gathered for ever");
        }
    }

    proptest! {
        /// Whatever comes is passed on in the end, or is a block that is not whole.
        #[test]
        fn anything_at_all_is_read_without_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let passed = Frames::new(1024).pass(&mut bytes);
            prop_assert!(passed <= bytes.len());
            let mut frames = frames();
            let whole = frame(HEADERS, END_HEADERS, 1, &bytes);
            let passed = frames.pass(&mut whole.clone());
            prop_assert_eq!(passed == whole.len(), frames.fault().is_none());
        }
    }
}
