//! The frame: its header, its mask, and the payload of a close frame (RFC 6455 section 5).

use crate::websocket::violation::Violation;

/// A control frame's payload may be so long (section 5.5).
pub(crate) const CONTROL_PAYLOAD: usize = 125;

const FIN: u8 = 0b1000_0000;
const RSV1: u8 = 0b0100_0000;
const RSV2_AND_RSV3: u8 = 0b0011_0000;
const MASKED: u8 = 0b1000_0000;

/// What a frame is (section 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Opcode::Continuation,
            1 => Opcode::Text,
            2 => Opcode::Binary,
            8 => Opcode::Close,
            9 => Opcode::Ping,
            10 => Opcode::Pong,
            _ => return None,
        })
    }

    /// Whether the frame may come between the frames of a message.
    pub(crate) fn is_control(self) -> bool {
        self as u8 >= Opcode::Close as u8
    }
}

/// The header of a frame that a client sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Whether it is the last frame of its message.
    pub(crate) fin: bool,
    /// Whether it begins a compressed message (RFC 7692 section 6).
    pub(crate) compressed: bool,
    pub(crate) opcode: Opcode,
    pub(crate) mask: Mask,
    /// Bytes of the payload.
    pub(crate) length: u64,
}

impl Header {
    /// Reads a header, and says how many bytes it took; none while some of it is missing. A violation is found with
    /// the byte that commits it.
    ///
    /// `deflate` says whether permessage-deflate was negotiated, without which no reserved bit has a meaning.
    pub(crate) fn parse(bytes: &[u8], deflate: bool) -> Result<Option<(Header, usize)>, Violation> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        let opcode = Opcode::from_bits(first & 0b1111).ok_or(Violation::protocol("unknown opcode"))?;
        let fin = first & FIN != 0;
        let compressed = first & RSV1 != 0;
        let may_compress = deflate && matches!(opcode, Opcode::Text | Opcode::Binary);
        if first & RSV2_AND_RSV3 != 0 || (compressed && !may_compress) {
            return Err(Violation::protocol("reserved bit without a negotiated meaning"));
        }
        if opcode.is_control() && !fin {
            return Err(Violation::protocol("fragmented control frame"));
        }
        let Some(&second) = bytes.get(1) else { return Ok(None) };
        if second & MASKED == 0 {
            return Err(Violation::protocol("Client is not masked."));
        }
        let short = second & !MASKED;
        if opcode.is_control() && usize::from(short) > CONTROL_PAYLOAD {
            return Err(Violation::protocol("control frame of more than 125 bytes"));
        }
        let (length, taken) = match short {
            126 => {
                let Some(extended) = array::<2>(bytes, 2) else { return Ok(None) };
                (u64::from(u16::from_be_bytes(extended)), 4)
            }
            127 => {
                let Some(extended) = array::<8>(bytes, 2) else { return Ok(None) };
                (u64::from_be_bytes(extended), 10)
            }
            short => (u64::from(short), 2),
        };
        if length >> 63 != 0 {
            return Err(Violation::protocol("length of 64 bits"));
        }
        if taken != length_bytes(length) {
            return Err(Violation::protocol("length in more bytes than it needs"));
        }
        let Some(key) = array::<4>(bytes, taken) else { return Ok(None) };
        Ok(Some((Header { fin, compressed, opcode, mask: Mask(key), length }, taken + 4)))
    }
}

/// Where the mask is, or would be, in a frame with such a payload.
fn length_bytes(length: u64) -> usize {
    match length {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

/// Writes the header of a frame of a server: without a mask, the length as short as it gets (sections 5.1 and 5.2).
pub(crate) fn write_header(out: &mut Vec<u8>, opcode: Opcode, fin: bool, compressed: bool, length: u64) {
    let first = opcode as u8 | if fin { FIN } else { 0 } | if compressed { RSV1 } else { 0 };
    match length_bytes(length) {
        2 => out.extend_from_slice(&[first, length as u8]),
        4 => {
            let [high, low] = (length as u16).to_be_bytes();
            out.extend_from_slice(&[first, 126, high, low]);
        }
        _ => {
            out.extend_from_slice(&[first, 127]);
            out.extend_from_slice(&length.to_be_bytes());
        }
    }
}

/// The key that a client's payload is masked with (section 5.3), turned to the byte that comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mask(pub(crate) [u8; 4]);

impl Mask {
    /// Takes the mask off these bytes; the mask then fits the bytes that follow them.
    pub(crate) fn remove(&mut self, bytes: &mut [u8]) {
        let Mask([a, b, c, d]) = *self;
        let key = u128::from_ne_bytes([a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d]);
        self.0.rotate_left(bytes.len() & 3);
        let (wide, rest) = bytes.as_chunks_mut::<16>();
        for sixteen in wide {
            *sixteen = (u128::from_ne_bytes(*sixteen) ^ key).to_ne_bytes();
        }
        for (byte, key) in rest.iter_mut().zip(key.to_ne_bytes()) {
            *byte ^= key;
        }
    }
}

/// Whether a close frame may carry this code (section 7.4; 1012 to 1014 are in IANA's registry).
pub(crate) fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// What a client's close frame says: a code and a reason, or nothing.
pub(crate) fn parse_close(payload: &[u8]) -> Result<Option<(u16, String)>, Violation> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() { Ok(None) } else { Err(Violation::protocol("half a close code")) };
    };
    let code = u16::from_be_bytes(*code);
    if !may_be_sent(code) {
        return Err(Violation::protocol("close code that must not be sent"));
    }
    match str::from_utf8(reason) {
        Ok(reason) => Ok(Some((code, reason.to_owned()))),
        Err(_) => Err(Violation::payload("close reason that is not UTF-8")),
    }
}

/// The payload of a close frame; a reason that is too long is cut before a character.
pub(crate) fn close_payload(code: u16, reason: &str) -> Vec<u8> {
    let mut payload = code.to_be_bytes().to_vec();
    let end = reason.floor_char_boundary(CONTROL_PAYLOAD - payload.len());
    payload.extend_from_slice(&reason.as_bytes()[..end]);
    payload
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<Option<(Header, usize)>, u16> {
        Header::parse(bytes, false).map_err(|violation| violation.code)
    }

    #[test]
    fn a_header_is_read_once_it_is_whole() {
        let bytes = [0x81, 0xfe, 0x01, 0x00, 1, 2, 3, 4, 0x99];
        for length in 0..8 {
            assert_eq!(parse(&bytes[..length]), Ok(None));
        }
        let header = Header {
            fin: true,
            compressed: false,
            opcode: Opcode::Text,
            mask: Mask([1, 2, 3, 4]),
            length: 256,
        };
        assert_eq!(parse(&bytes), Ok(Some((header, 8))));
    }

    #[test]
    fn what_the_rfc_forbids_is_found_with_the_byte_that_commits_it() {
        let forbidden: [(&str, &[u8]); 14] = [
            ("opcode 3", &[0x83]),
            ("opcode 11", &[0x8b]),
            ("RSV1", &[0xc1]),
            ("RSV2", &[0xa1]),
            ("RSV3", &[0x91]),
            ("RSV1 on a control frame", &[0xc9]),
            ("a fragmented ping", &[0x09]),
            ("a fragmented close", &[0x08]),
            ("no mask", &[0x81, 0x00]),
            ("a ping of 126 bytes", &[0x89, 0xfe]),
            ("a close of 64 bits", &[0x88, 0xff]),
            ("125 in 16 bits", &[0x81, 0xfe, 0, 125]),
            ("65535 in 64 bits", &[0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff]),
            ("a length of 64 bits", &[0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        ];
        for (what, bytes) in forbidden {
            assert_eq!(parse(bytes), Err(1002), "{what}");
            assert_eq!(parse(&bytes[..bytes.len() - 1]), Ok(None), "{what}, one byte less");
        }
    }

    #[test]
    fn rsv1_has_a_meaning_where_deflate_was_negotiated_and_a_message_begins() {
        for (first, allowed) in [(0xc1, true), (0xc2, true), (0x41, true), (0xc0, false), (0xc9, false)] {
            assert_eq!(Header::parse(&[first, 0x80, 0, 0, 0, 0], true).is_ok(), allowed, "{first:x}");
        }
    }

    #[test]
    fn lengths_are_written_as_short_as_they_get() {
        for (length, expected) in [
            (0_u64, &[0x82, 0][..]),
            (125, &[0x82, 125]),
            (126, &[0x82, 126, 0, 126]),
            (0xffff, &[0x82, 126, 0xff, 0xff]),
            (0x1_0000, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut written = Vec::new();
            write_header(&mut written, Opcode::Binary, true, false, length);
            assert_eq!(written, expected);
        }
    }

    #[test]
    fn a_mask_is_taken_off_in_pieces_as_well_as_at_once() {
        let key = [0x12, 0x34, 0x56, 0x78];
        for length in [0, 1, 3, 4, 15, 16, 17, 33, 64, 100] {
            let masked: Vec<u8> = (0..length).map(|at| at as u8 ^ key[at & 3]).collect();
            let plain: Vec<u8> = (0..length).map(|at| at as u8).collect();
            for cut in 0..=length {
                let mut bytes = masked.clone();
                let mut mask = Mask(key);
                let (left, right) = bytes.split_at_mut(cut);
                mask.remove(left);
                mask.remove(right);
                assert_eq!(bytes, plain, "{length} bytes, cut at {cut}");
            }
        }
    }

    #[test]
    fn a_close_frame_has_a_code_that_may_be_sent_and_a_reason_in_utf8() {
        assert_eq!(parse_close(b""), Ok(None));
        assert_eq!(parse_close(b"\x03\xe8bye"), Ok(Some((1000, "bye".to_owned()))));
        assert_eq!(parse_close(b"\x03"), Err(Violation::protocol("half a close code")));
        assert_eq!(parse_close(b"\x03\xe8\xff").map_err(|violation| violation.code), Err(1007));
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535_u16] {
            let payload = code.to_be_bytes();
            assert_eq!(parse_close(&payload).map_err(|violation| violation.code), Err(1002), "{code}");
        }
    }

    #[test]
    fn a_close_reason_is_cut_before_a_character() {
        let payload = close_payload(1000, &"é".repeat(100));
        assert_eq!(payload.len(), 124);
        assert!(parse_close(&payload).is_ok());
    }
}
