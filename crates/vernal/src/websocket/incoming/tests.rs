use std::io::{self, Cursor, Read, Write};

use proptest::prelude::*;
use tungstenite::Message as Peer;
use tungstenite::protocol::frame::Frame as PeerFrame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::{Role, WebSocket};

use super::pieces::{check, feed};
use super::*;
use crate::properties;
use crate::websocket::deflate::{DeflateParameters, Deflater};

/// Bytes in, bytes out.
#[derive(Default)]
struct Wire {
    incoming: Cursor<Vec<u8>>,
    outgoing: Vec<u8>,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.incoming.read(buffer)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What `tungstenite` sends as a client.
fn sent_by_peer(messages: &[Peer]) -> Vec<u8> {
    let mut client = WebSocket::from_raw_socket(Wire::default(), Role::Client, None);
    for message in messages {
        client.send(message.clone()).expect("a sink takes everything");
    }
    client.get_mut().outgoing.split_off(0)
}

/// All events in these bytes, which arrive in pieces of the given sizes, over and over.
fn decode_all(decoder: &mut Decoder, bytes: &[u8], cuts: &[usize]) -> Result<Vec<Incoming>, Violation> {
    let mut events = Vec::new();
    feed(decoder, bytes, cuts, &mut |_, event| events.push(event))?;
    Ok(events)
}

fn decoder() -> Decoder {
    Decoder::new(1 << 20, 1 << 20, None)
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    masked(first, payload.len() as u64, payload)
}

fn masked(first: u8, length: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::write_header(&mut bytes, Opcode::Binary, true, false, length);
    bytes[0] = first;
    bytes[1] |= 0x80;
    bytes.extend_from_slice(&[1, 2, 3, 4]);
    bytes.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ [1, 2, 3, 4][at & 3]));
    bytes
}

fn any_peer_message() -> impl Strategy<Value = Peer> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..400);
    let control = || proptest::collection::vec(any::<u8>(), 0..=125);
    let large = (0_usize..100_000, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]);
    prop_oneof![
        any::<String>().prop_map(Peer::text),
        bytes().prop_map(Peer::binary),
        large.prop_map(Peer::binary),
        control().prop_map(|payload| Peer::Ping(payload.into())),
        control().prop_map(|payload| Peer::Pong(payload.into())),
    ]
}

fn any_cuts() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![Just(vec![1]), proptest::collection::vec(1_usize..20_000, 1..5)]
}

#[test]
fn what_tungstenite_sends_arrives_wherever_the_stream_is_cut() {
    let messages = proptest::collection::vec(any_peer_message(), 1..6);
    properties::run_for((messages, any_cuts()), |(messages, cuts)| {
        let expected: Vec<Incoming> = messages
            .iter()
            .map(|message| match message {
                Peer::Text(text) => Incoming::Text(text.to_string()),
                Peer::Binary(payload) => Incoming::Binary(payload.clone()),
                Peer::Ping(payload) => Incoming::Ping(payload.clone()),
                Peer::Pong(payload) => Incoming::Pong(payload.clone()),
                other => panic!("not generated: {other:?}"),
            })
            .collect();
        let events = decode_all(&mut decoder(), &sent_by_peer(&messages), &cuts);
        prop_assert_eq!(events, Ok(expected));
        Ok(())
    });
}

#[test]
fn frames_of_tungstenite_are_put_together_with_pings_between() {
    let pieces = proptest::collection::vec(any::<String>(), 2..6);
    properties::run_for((pieces, any::<bool>(), any_cuts()), |(pieces, is_text, cuts)| {
        let last = pieces.len() - 1;
        let mut frames = Vec::new();
        for (at, piece) in pieces.iter().enumerate() {
            let data = match at {
                0 if is_text => Data::Text,
                0 => Data::Binary,
                _ => Data::Continue,
            };
            frames.push(Peer::Frame(PeerFrame::message(piece.clone(), OpCode::Data(data), at == last)));
            if at < last {
                frames.push(Peer::Ping("p".into()));
            }
        }
        let events = decode_all(&mut decoder(), &sent_by_peer(&frames), &cuts).expect("valid");
        let pings = events.iter().filter(|event| **event == Incoming::Ping("p".into())).count();
        prop_assert_eq!(pings, last);
        let data: Vec<Incoming> =
            events.into_iter().filter(|event| !matches!(event, Incoming::Ping(_))).collect();
        let expected = if is_text {
            vec![Incoming::Text(pieces.concat())]
        } else {
            let frame = |(at, piece): (usize, &String)| Incoming::BinaryFrame {
                fin: at == last,
                payload: piece.clone().into(),
            };
            pieces.iter().enumerate().map(frame).collect()
        };
        prop_assert_eq!(data, expected);
        Ok(())
    });
}

#[test]
fn whatever_arrives_the_decoder_reads_what_tungstenite_reads_or_is_stricter() {
    let header =
        (prop_oneof![Just(0x81_u8), Just(0x82), Just(0x01), Just(0x80), Just(0x89), any::<u8>()], 0_u64..130);
    let frames = (header, proptest::collection::vec(prop_oneof![0x20_u8..0x7f, any::<u8>()], 0..130))
        .prop_map(|((first, length), payload)| {
            masked(first, length, &payload[..payload.len().min(length as usize)])
        });
    let bytes = proptest::collection::vec(frames, 1..5).prop_map(|frames| frames.concat());
    properties::run_for((bytes, any_cuts()), |(bytes, cuts)| {
        let mut decoder = decoder();
        let ours = decode_all(&mut decoder, &bytes, &cuts);
        let wire = Wire { incoming: Cursor::new(bytes), outgoing: Vec::new() };
        let mut peer = WebSocket::from_raw_socket(wire, Role::Server, None);
        let mut theirs = Vec::new();
        let error = loop {
            match peer.read() {
                Ok(message) => theirs.push(message),
                Err(error) => break error,
            }
        };
        let Ok(ours) = ours else { return Ok(()) };
        let refused = matches!(error, tungstenite::Error::Protocol(ref what)
            if *what != tungstenite::error::ProtocolError::ResetWithoutClosingHandshake);
        prop_assert!(!refused, "{ours:?} although {error}");
        let count = |events: &[Incoming]| {
            events.iter().filter(|e| matches!(e, Incoming::Text(_) | Incoming::Ping(_))).count()
        };
        if !ours.iter().any(|event| matches!(event, Incoming::Close(_))) {
            let peers = theirs.iter().filter(|message| message.is_text() || message.is_ping()).count();
            prop_assert_eq!(count(&ours), peers);
        }
        Ok(())
    });
}

#[test]
fn any_bytes_are_the_same_events_however_they_are_cut() {
    let header = prop_oneof![3 => 0x80_u8..0x8b, 2 => 0x00_u8..0x03, 2 => 0xc0_u8..0xc3, 1 => any::<u8>()];
    let payload = proptest::collection::vec(prop_oneof![0x20_u8..0x7f, any::<u8>()], 0..130);
    let bytes = proptest::collection::vec((header, payload), 1..6)
        .prop_map(|frames| -> Vec<u8> { frames.iter().flat_map(|(first, p)| frame(*first, p)).collect() });
    properties::run_for((bytes, any::<u8>(), any_cuts()), |(bytes, options, cuts)| {
        check(options, &bytes, &cuts);
        Ok(())
    });
}

#[test]
fn a_compressed_message_arrives_in_frames_and_pieces_of_any_size() {
    let message = proptest::collection::vec(0_u8..4, 1..20_000);
    properties::run_for(
        (message, any::<bool>(), 1_usize..500, any_cuts()),
        |(message, keeps, size, cuts)| {
            let parameters = DeflateParameters {
                server_keeps_context: keeps,
                client_keeps_context: keeps,
                server_window_bits: 15,
                client_window_bits: 15,
                level: 1,
                threshold: 0,
            };
            let mut deflater = Deflater::new(&parameters);
            let mut decoder = Decoder::new(1 << 20, 1 << 20, Some(Inflater::new(&parameters)));
            for _ in 0..2 {
                let compressed = deflater.deflate(&message, true);
                let frames: Vec<&[u8]> = compressed.chunks(size).collect();
                let mut bytes = Vec::new();
                for (at, payload) in frames.iter().enumerate() {
                    let first =
                        if at == 0 { 0x42 } else { 0 } | if at + 1 == frames.len() { 0x80 } else { 0 };
                    bytes.extend(frame(first, payload));
                }
                let mut expanded = Vec::new();
                for event in decode_all(&mut decoder, &bytes, &cuts).expect("valid") {
                    match event {
                        Incoming::Binary(payload) | Incoming::BinaryFrame { payload, .. } => {
                            expanded.extend(payload)
                        }
                        other => prop_assert!(false, "{other:?}"),
                    }
                }
                prop_assert_eq!(&expanded, &message);
            }
            Ok(())
        },
    );
}

fn refused(decoder: &mut Decoder, bytes: &[u8]) -> Option<u16> {
    decode_all(decoder, bytes, &[bytes.len()]).err().map(|violation| violation.code)
}

#[test]
fn a_frame_or_message_over_its_limit_is_refused_by_its_header_alone() {
    let limited = || Decoder::new(100, 150, None);
    assert_eq!(refused(&mut limited(), &masked(0x82, 101, b"")), Some(1009));
    assert_eq!(refused(&mut limited(), &masked(0x82, 1 << 62, b"")), Some(1009));
    for kind in [0x01, 0x02] {
        let mut decoder = limited();
        let (_, event) = decoder.decode(&mut frame(kind, &[b'x'; 100])).expect("allowed");
        if let Some(Incoming::BinaryFrame { payload, .. }) = event {
            decoder.keep(&payload);
        }
        assert_eq!(refused(&mut decoder, &masked(0x80, 51, b"")), Some(1009));
    }
}

#[test]
fn frames_that_were_dealt_with_do_not_count_for_the_message() {
    let mut decoder = Decoder::new(100, 150, None);
    assert_eq!(refused(&mut decoder, &frame(0x02, &[1; 100])), None);
    for _ in 0..10 {
        assert_eq!(refused(&mut decoder, &frame(0x00, &[1; 100])), None);
    }
    assert_eq!(decoder.take_kept(), None);
}

#[test]
fn a_compressed_message_is_refused_as_soon_as_it_expands_over_its_limit() {
    let parameters = DeflateParameters {
        server_keeps_context: false,
        client_keeps_context: false,
        server_window_bits: 15,
        client_window_bits: 15,
        level: 9,
        threshold: 0,
    };
    let bomb = Deflater::new(&parameters).deflate(&vec![b'a'; 50_000_000], true);
    for kind in [0xc1, 0xc2, 0x41, 0x42] {
        let mut decoder = Decoder::new(1 << 20, 1 << 20, Some(Inflater::new(&parameters)));
        assert_eq!(refused(&mut decoder, &frame(kind, &bomb)), Some(1009));
    }
}

#[test]
fn what_was_expanded_before_a_mistake_is_looked_at_first_however_it_is_cut() {
    let parameters = DeflateParameters {
        server_keeps_context: false,
        client_keeps_context: false,
        server_window_bits: 15,
        client_window_bits: 15,
        level: 1,
        threshold: 0,
    };
    // a stored block of one byte that is not UTF-8, and a block of a kind that there is not
    let bytes = frame(0xc1, &[0, 1, 0, 0xfe, 0xff, 0xff, 7]);
    for cuts in [&[bytes.len()][..], &[1], &[12, 1]] {
        let mut decoder = Decoder::new(1 << 20, 1 << 20, Some(Inflater::new(&parameters)));
        let violation = decode_all(&mut decoder, &bytes, cuts).expect_err("a mistake");
        assert_eq!(violation.reason, "text that is not UTF-8", "{cuts:?}");
    }
}

#[test]
fn a_flood_of_empty_frames_is_refused() {
    let mut bytes = frame(0x01, b"");
    for _ in 0..EMPTY_FRAMES {
        bytes.extend(frame(0x00, b""));
    }
    assert_eq!(refused(&mut decoder(), &bytes), Some(1008));
}

#[test]
fn what_a_header_promises_is_not_allocated_before_it_arrives() {
    let mut decoder = Decoder::new(1 << 30, 1 << 30, None);
    assert_eq!(refused(&mut decoder, &masked(0x82, 1 << 30, b"")), None);
    let room = decoder.direct_room().expect("a large payload").remaining_mut();
    assert!(room <= TRUSTED + BEYOND, "{room}");
}
