//! RFC 6455 and RFC 7692, case by case, over real sockets: frames that a client sends, and what has to come back.
//!
//! Every case runs twice: its bytes at once, and one by one. `conformance/autobahn.py` runs the public suite, whose
//! subjects these are; it takes minutes and a CPython 2.7, this takes seconds.

#![cfg(all(feature = "macros", feature = "websocket"))]

mod support;

use support::{Running, Wire};
use vernal::prelude::*;
use vernal::websocket::{DeflateSettings, WebsocketSettings};

/// Sends back what it is sent.
#[derive(Default)]
struct Echo;

#[websocket_handler("/echo", app = "conformance")]
impl WebsocketHandler for Echo {
    async fn on_text_message(&self, session: &WebsocketSession, message: String) -> Result<()> {
        session.send_text(message).await
    }

    async fn on_binary_message(&self, session: &WebsocketSession, message: Bytes) -> Result<()> {
        session.send_binary(message).await
    }
}

/// What comes back: the first byte of a frame, and its payload; of a close frame the code is enough.
type Frame = (u8, Vec<u8>);

struct Case {
    section: &'static str,
    name: &'static str,
    sent: Vec<u8>,
    expected: Vec<Frame>,
}

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;
/// The first frame of several, and those after it.
const TEXT_BEGINS: u8 = 0x01;
const BINARY_BEGINS: u8 = 0x02;
const GOES_ON: u8 = 0x00;
const ENDS: u8 = 0x80;

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A frame of a client.
fn frame(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let mut bytes = head(first, payload.len());
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// The head of one, with a length as short as it gets.
fn head(first: u8, length: usize) -> Vec<u8> {
    let mut bytes = vec![first];
    match length {
        0..=125 => bytes.push(0x80 | length as u8),
        126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes
}

fn close(code: u16) -> Frame {
    (CLOSE, code.to_be_bytes().to_vec())
}

fn frames<const N: usize>(frames: [(u8, &[u8]); N]) -> Vec<u8> {
    frames.iter().flat_map(|(first, payload)| frame(*first, payload)).collect()
}

fn case(
    section: &'static str,
    name: &'static str,
    sent: impl Into<Vec<u8>>,
    expected: impl IntoIterator<Item = Frame>,
) -> Case {
    Case { section, name, sent: sent.into(), expected: expected.into_iter().collect() }
}

/// A message that comes back as it is.
fn echoed(section: &'static str, name: &'static str, first: u8, payload: impl AsRef<[u8]>) -> Case {
    let payload = payload.as_ref();
    case(section, name, frame(first, payload), [(first, payload.to_vec())])
}

/// What fails the connection with this code.
fn refused(section: &'static str, name: &'static str, code: u16, sent: impl Into<Vec<u8>>) -> Case {
    case(section, name, sent, [close(code)])
}

fn framing() -> Vec<Case> {
    let mut unmasked = frame(TEXT, "hello");
    unmasked[1] &= 0x7f;
    vec![
        echoed("5.2", "an empty text", TEXT, ""),
        echoed("5.2", "an empty binary message", BINARY, ""),
        echoed("5.2", "the largest length of 7 bits", TEXT, "*".repeat(125)),
        echoed("5.2", "the smallest length of 16 bits", TEXT, "*".repeat(126)),
        echoed("5.2", "lengths of 16 bits in binary", BINARY, [0xfe; 128]),
        echoed("5.2", "the largest length of 16 bits", BINARY, vec![0xfe; 65_535]),
        echoed("5.2", "the smallest length of 64 bits", TEXT, "*".repeat(65_536)),
        refused("5.1", "a frame without a mask", 1002, unmasked),
        refused("5.2", "RSV1 without an extension", 1002, frame(0xc1, "hi")),
        refused("5.2", "RSV2", 1002, frame(0xa1, "hi")),
        refused("5.2", "RSV3", 1002, frame(0x91, "hi")),
        refused("5.2", "RSV1 on a ping", 1002, frame(0xc9, "")),
        refused("5.2", "all reserved bits on a close", 1002, frame(0xf8, "")),
        refused("5.2", "125 bytes counted in 16 bits", 1002, [&[TEXT, 0xfe, 0, 125][..], &MASK].concat()),
        refused(
            "5.2",
            "65,535 bytes counted in 64 bits",
            1002,
            vec![BINARY, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
        ),
        refused(
            "5.2",
            "a length with its highest bit set",
            1002,
            vec![BINARY, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0],
        ),
        refused("5.2", "reserved data opcode 3", 1002, frame(0x83, "")),
        refused("5.2", "reserved data opcode 7 with a payload", 1002, frame(0x87, "hi")),
        refused("5.2", "reserved control opcode 11", 1002, frame(0x8b, "")),
        refused("5.2", "reserved control opcode 15 with a payload", 1002, frame(0x8f, "hi")),
        case(
            "5.2",
            "a reserved opcode after a message",
            frames([(TEXT, b"first"), (0x84, b""), (PING, b"")]),
            [(TEXT, b"first".to_vec()), close(1002)],
        ),
        refused("10.4", "a frame over the limit, by its head alone", 1009, head(BINARY, 300_000)),
        refused(
            "10.4",
            "a message over the limit, by the head of the frame that exceeds it",
            1009,
            [frame(TEXT_BEGINS, "*".repeat(100_000)), head(GOES_ON, 100_001)].concat(),
        ),
        refused(
            "10.4",
            "a flood of empty frames",
            1008,
            [frame(TEXT_BEGINS, ""), frame(GOES_ON, "").repeat(200)].concat(),
        ),
    ]
}

fn control_frames() -> Vec<Case> {
    let longest = [0xfe; 125];
    let pong = |payload: &[u8]| (PONG, payload.to_vec());
    vec![
        case("5.5.2", "a ping without a payload", frame(PING, ""), [pong(b"")]),
        case("5.5.2", "a ping with text", frame(PING, "hello"), [pong(b"hello")]),
        case(
            "5.5.2",
            "a ping with bytes that are no text",
            frame(PING, [0, 0xff, 0xfe]),
            [pong(&[0, 0xff, 0xfe])],
        ),
        case("5.5.2", "the longest ping", frame(PING, longest), [pong(&longest)]),
        case(
            "5.5.2",
            "ten pings in a row",
            (0..10).flat_map(|number| frame(PING, [number])).collect::<Vec<u8>>(),
            (0..10).map(|number| (PONG, vec![number])),
        ),
        case("5.5.3", "a pong that no one asked for", frame(PONG, "unasked"), []),
        case(
            "5.5.3",
            "a pong that no one asked for, then a ping",
            frames([(PONG, b"unasked"), (PING, b"asked")]),
            [pong(b"asked")],
        ),
        refused("5.5", "a ping of 126 bytes", 1002, frame(PING, [0; 126])),
        refused("5.5", "a pong of 126 bytes", 1002, frame(PONG, [0; 126])),
        refused("5.5", "a close of 126 bytes", 1002, frame(CLOSE, [3; 126])),
        refused("5.5", "a ping in fragments", 1002, frames([(0x09, b"one"), (ENDS, b"two")])),
        refused("5.5", "a pong in fragments", 1002, frames([(0x0a, b"one"), (ENDS, b"two")])),
        refused("5.5", "a close in fragments", 1002, frames([(0x08, b"\x03\xe8"), (ENDS, b"two")])),
    ]
}

fn fragmentation() -> Vec<Case> {
    let text = |text: &str| (TEXT, text.as_bytes().to_vec());
    let tiny: Vec<u8> = (0..1000).flat_map(|_| frame(GOES_ON, "x")).collect();
    vec![
        case(
            "5.4",
            "a text in two frames",
            frames([(TEXT_BEGINS, b"one "), (ENDS, b"two")]),
            [text("one two")],
        ),
        case(
            "5.4",
            "binary in three frames",
            frames([(BINARY_BEGINS, b"1"), (GOES_ON, b"2"), (ENDS, b"3")]),
            [(BINARY, b"123".to_vec())],
        ),
        case(
            "5.4",
            "three empty frames",
            frames([(TEXT_BEGINS, b""), (GOES_ON, b""), (ENDS, b"")]),
            [text("")],
        ),
        case(
            "5.4",
            "empty frames around a payload",
            frames([(TEXT_BEGINS, b""), (GOES_ON, b"middle"), (ENDS, b"")]),
            [text("middle")],
        ),
        case(
            "5.4",
            "a thousand frames of a byte",
            [frame(TEXT_BEGINS, "x"), tiny, frame(ENDS, "x")].concat(),
            [text(&"x".repeat(1002))],
        ),
        case(
            "5.4",
            "a ping between two frames",
            frames([(TEXT_BEGINS, b"one "), (PING, b"ping"), (ENDS, b"two")]),
            [(PONG, b"ping".to_vec()), text("one two")],
        ),
        case(
            "5.4",
            "pings between several frames",
            frames([
                (TEXT_BEGINS, b"1"),
                (GOES_ON, b"2"),
                (PING, b"a"),
                (GOES_ON, b"3"),
                (PING, b"b"),
                (ENDS, b"4"),
            ]),
            [(PONG, b"a".to_vec()), (PONG, b"b".to_vec()), text("1234")],
        ),
        case(
            "5.5.1",
            "a close between two frames",
            frames([(TEXT_BEGINS, b"one"), (CLOSE, b"\x03\xe8"), (ENDS, b"two")]),
            [close(1000)],
        ),
        refused("5.4", "a continuation of nothing that ends", 1002, frame(ENDS, "nothing")),
        refused("5.4", "a continuation of nothing that goes on", 1002, frame(GOES_ON, "nothing")),
        case(
            "5.4",
            "a continuation after the message has ended",
            frames([(TEXT_BEGINS, b"1"), (ENDS, b"2"), (ENDS, b"3")]),
            [text("12"), close(1002)],
        ),
        refused("5.4", "a whole text within a text", 1002, frames([(TEXT_BEGINS, b"1"), (TEXT, b"2")])),
        refused(
            "5.4",
            "a text that begins within a text",
            1002,
            frames([(TEXT_BEGINS, b"1"), (TEXT_BEGINS, b"2")]),
        ),
        refused("5.4", "binary within a text", 1002, frames([(TEXT_BEGINS, b"1"), (BINARY, b"2")])),
    ]
}

fn utf8() -> Vec<Case> {
    let mut cases = vec![
        echoed("5.6", "text of two, three and four bytes a character", TEXT, "κόσμε € 🦀"),
        echoed("5.6", "the last character", TEXT, "\u{10ffff}"),
        echoed("5.6", "a null", TEXT, "\0"),
        echoed("5.6", "characters without a meaning", TEXT, "\u{fffe}\u{ffff}"),
        case(
            "5.6",
            "a character in two frames",
            frames([(TEXT_BEGINS, b"\xce"), (ENDS, b"\xba")]),
            [(TEXT, "κ".as_bytes().to_vec())],
        ),
        case(
            "5.6",
            "a character in four frames",
            frames([(TEXT_BEGINS, b"\xf0"), (GOES_ON, b"\x9f"), (GOES_ON, b"\xa6"), (ENDS, b"\x80")]),
            [(TEXT, "🦀".as_bytes().to_vec())],
        ),
        refused("8.1", "a text that ends within a character", 1007, frame(TEXT, b"\xce")),
        refused(
            "8.1",
            "frames that end within a character",
            1007,
            frames([(TEXT_BEGINS, b"x"), (ENDS, b"\xe2\x82")]),
        ),
        // these go on, or would: what has arrived is enough
        refused(
            "8.1",
            "a wrong byte in a frame that is not whole",
            1007,
            [head(TEXT, 1000), vec![0xff ^ MASK[0]]].concat(),
        ),
        refused(
            "8.1",
            "a wrong byte in a message that is not whole",
            1007,
            frames([(TEXT_BEGINS, b"\xce\xba\xff")]),
        ),
        refused(
            "8.1",
            "a character past the last one, at its second byte",
            1007,
            frames([(TEXT_BEGINS, b"\xf4"), (GOES_ON, b"\x90")]),
        ),
    ];
    let invalid: [(&str, &[u8]); 9] = [
        ("a continuation byte alone", b"\x80"),
        ("an overlong slash in two bytes", b"\xc0\xaf"),
        ("an overlong slash in three bytes", b"\xe0\x80\xaf"),
        ("an overlong slash in four bytes", b"\xf0\x80\x80\xaf"),
        ("half of a surrogate pair", b"\xed\xa0\x80"),
        ("a surrogate pair", b"\xed\xa0\x80\xed\xb0\x80"),
        ("five bytes", b"\xf8\x88\x80\x80\x80"),
        ("the byte FE", b"\xfe"),
        ("a character that is broken off", b"\xe2\x82 and more"),
    ];
    cases.extend(invalid.map(|(name, payload)| refused("8.1", name, 1007, frame(TEXT, payload))));
    cases
}

fn closing() -> Vec<Case> {
    let with = |code: u16, reason: &[u8]| frame(CLOSE, [&code.to_be_bytes(), reason].concat());
    let mut cases = vec![
        case("5.5.1", "a close without a code", frame(CLOSE, ""), [(CLOSE, Vec::new())]),
        case("5.5.1", "a close with a reason", with(1000, b"enough"), [close(1000)]),
        case("5.5.1", "a close with the longest reason", with(1000, &[b'*'; 123]), [close(1000)]),
        case(
            "5.5.1",
            "a message after a close",
            [with(1000, b""), frame(TEXT, "late")].concat(),
            [close(1000)],
        ),
        case("5.5.1", "a ping after a close", [with(1000, b""), frame(PING, "late")].concat(), [close(1000)]),
        case("5.5.1", "two closes", [with(1000, b""), with(1001, b"")].concat(), [close(1000)]),
        refused("5.5.1", "half a code", 1002, frame(CLOSE, b"\x03")),
        refused("8.1", "a reason that is not UTF-8", 1007, with(1000, b"\xff")),
        refused("8.1", "a reason that ends within a character", 1007, with(1000, b"\xe2\x82")),
    ];
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        cases.push(case("7.4", "a code that may be sent", with(code, b""), [close(code)]));
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        cases.push(refused("7.4", "a code that must not be sent", 1002, with(code, b"")));
    }
    cases
}

/// RFC 7692, with permessage-deflate agreed on. What comes back is short, so that it comes uncompressed.
fn compression() -> Vec<Case> {
    let hello = || [(TEXT, b"Hello".to_vec())];
    let compressed: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    // a million zeros: each zero bit repeats 258 of them
    let bomb = [
        &[0xec, 0xc1, 0x01, 0x01, 0x00, 0x00, 0x00, 0x82, 0x20, 0xff, 0xaf, 0x6e, 0x48, 0x40, 0x01][..],
        &[0; 968],
        &[0xaf, 0x06],
    ]
    .concat();
    vec![
        case("7.2.3.1", "a compressed text", frame(0xc1, compressed), hello()),
        case(
            "7.2.3.1",
            "a compressed text in two frames",
            [frame(0x41, &compressed[..3]), frame(ENDS, &compressed[3..])].concat(),
            hello(),
        ),
        case(
            "7.2.3.1",
            "a ping within a compressed text",
            [frame(0x41, &compressed[..3]), frame(PING, ""), frame(ENDS, &compressed[3..])].concat(),
            [(PONG, Vec::new()), (TEXT, b"Hello".to_vec())],
        ),
        case(
            "7.2.3.3",
            "a block without compression",
            frame(0xc1, b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"),
            hello(),
        ),
        case("7.2.3.4", "a final block", frame(0xc1, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), hello()),
        case(
            "7.2.3.5",
            "two blocks",
            frame(0xc1, b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"),
            hello(),
        ),
        case("7.2.3.6", "an empty compressed text", frame(0xc1, b"\x00"), [(TEXT, Vec::new())]),
        case("6", "an uncompressed text all the same", frame(TEXT, "Hello"), hello()),
        refused(
            "6.1",
            "RSV1 on a continuation",
            1002,
            [frame(0x41, &compressed[..3]), frame(0xc0, &compressed[3..])].concat(),
        ),
        refused("6.1", "RSV1 on a ping", 1002, frame(0xc9, "")),
        refused("6.1", "RSV2 beside it", 1002, frame(0xe1, compressed)),
        refused("6.2", "what is not compressed data", 1007, frame(0xc1, [0xff; 20])),
        refused(
            "8.1 of RFC 6455",
            "a compressed text that is not UTF-8",
            1007,
            frame(0xc1, b"\x00\x01\x00\xfe\xff\xff\x00"),
        ),
        refused("8 (security)", "a small message that expands over the limit", 1009, frame(0xc2, bomb)),
    ]
}

#[test]
fn frames_are_answered_as_the_rfcs_say() {
    let limits = Limits::default().websocket_frame(200_000).websocket_message(200_000);
    let settings = WebsocketSettings::default().deflate(DeflateSettings::default().threshold(1_000_000));
    let server = Running::start(Server::app("conformance").limits(limits).websocket_settings(settings));
    let plain = [framing(), control_frames(), fragmentation(), utf8(), closing()].into_iter().flatten();
    let plain = plain.map(|case| (case, ""));
    let compressed = compression().into_iter().map(|case| (case, "permessage-deflate"));
    let mut wrong = Vec::new();
    let mut count = 0;
    for (case, extensions) in plain.chain(compressed) {
        for piece in [usize::MAX, 1] {
            if piece == 1 && case.sent.len() > 5000 {
                continue;
            }
            count += 1;
            let received = talk(&server, extensions, &case, piece);
            if received != case.expected {
                let Case { section, name, expected, .. } = &case;
                wrong.push(format!(
                    "section {section}, {name}:\n  expected {expected:x?}\n  received {received:x?}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 150, "{count} cases");
}

/// What comes back until the stream ends. A client that was not told to close does so when it has what it expects.
fn talk(server: &Running, extensions: &str, case: &Case, piece: usize) -> Vec<Frame> {
    let mut wire = server.connect();
    let answer = wire.ask(format!(
        "GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Extensions: {extensions}\r\n\r\n"
    ));
    assert_eq!(answer.status, 101, "{answer:?}");
    for bytes in case.sent.chunks(piece) {
        // the server may have refused it and gone before all of it was sent
        if !wire.try_send(bytes) {
            break;
        }
    }
    let closes = case.expected.last().is_some_and(|(first, _)| *first == CLOSE);
    if !closes {
        wire.send(frame(CLOSE, b"\x03\xe8"));
    }
    let mut received = receive_all(&mut wire);
    if !closes {
        assert_eq!(received.pop(), Some(close(1000)), "{}", case.name);
    }
    received
}

/// All frames until the end; of a close frame the code alone.
fn receive_all(wire: &mut Wire) -> Vec<Frame> {
    // the end is the server's, the client only follows (section 7.1.1)
    let bytes = wire.rest();
    let mut rest = &bytes[..];
    let mut frames = Vec::new();
    while let [first, length, more @ ..] = rest {
        assert_eq!(length & 0x80, 0, "a server does not mask (section 5.1)");
        let (length, more) = match (length, more) {
            (126, [a, b, more @ ..]) => (usize::from(u16::from_be_bytes([*a, *b])), more),
            (127, [_, _, _, _, a, b, c, d, more @ ..]) => {
                (u32::from_be_bytes([*a, *b, *c, *d]) as usize, more)
            }
            (short, more) => (usize::from(*short), more),
        };
        let (payload, more) = more.split_at(length);
        let payload = if *first == CLOSE { &payload[..length.min(2)] } else { payload };
        frames.push((*first, payload.to_vec()));
        rest = more;
    }
    assert!(rest.is_empty(), "half a frame: {rest:x?}");
    frames
}
