//! What is compressed comes back, in whatever pieces; what is broken is found out and costs little.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::properties::run_for;

/// Compresses pieces; after those that are marked, everything is to be out.
fn encoded(coding: Coding, level: u32, length: Option<u64>, pieces: &[(Vec<u8>, bool)]) -> Vec<u8> {
    let mut encoder = Encoder::new(coding, level, length).expect("an encoder");
    let (mut wire, mut given) = (Vec::new(), Vec::new());
    for (piece, flush) in pieces {
        encoder.write(piece, &mut wire).expect("written");
        given.extend_from_slice(piece);
        if *flush {
            encoder.flush(&mut wire).expect("flushed");
            assert_eq!(decoded(coding, &wire, 7).0, given, "all of it is out");
        }
    }
    encoder.finish(&[], &mut wire).expect("finished");
    wire
}

fn compressed(coding: Coding, bytes: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    let encoder = Encoder::new(coding, coding.default_level(), Some(bytes.len() as u64)).expect("an encoder");
    encoder.finish(bytes, &mut wire).expect("finished");
    wire
}

/// Decompresses from pieces of some size: what came out, and whether that may be all.
fn decoded(coding: Coding, wire: &[u8], size: usize) -> (Vec<u8>, bool) {
    let (bytes, end) = try_decoded(coding, wire, size);
    (bytes, end.expect("sound"))
}

fn try_decoded(coding: Coding, wire: &[u8], size: usize) -> (Vec<u8>, Result<bool, BrokenCoding>) {
    let mut decoder = Decoder::new(coding).expect("a decoder");
    let mut bytes = Vec::new();
    for piece in wire.chunks(size) {
        let mut input = Bytes::copy_from_slice(piece);
        loop {
            match decoder.decode(&mut input) {
                Ok(piece) if piece.is_empty() => break,
                Ok(piece) => {
                    assert!(piece.len() <= decode::PIECE);
                    bytes.extend_from_slice(&piece);
                }
                Err(error) => return (bytes, Err(error)),
            }
        }
        assert!(input.is_empty(), "all of it was taken");
    }
    let at_end = decoder.at_end();
    (bytes, Ok(at_end))
}

/// Bytes as they are in bodies: words that repeat, and noise.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let words =
        proptest::collection::vec("[a-e]{1,8} ", 0..400).prop_map(|words| words.concat().into_bytes());
    let noise = proptest::collection::vec(any::<u8>(), 0..3000);
    let long = (any::<u8>(), 0..200_000usize).prop_map(|(byte, length)| vec![byte; length]);
    prop_oneof![4 => words, 2 => noise, 1 => long]
}

#[test]
fn what_is_compressed_in_any_pieces_comes_back_in_any_pieces() {
    let pieces = proptest::collection::vec((content(), any::<bool>()), 0..6);
    let input = (0..Coding::ALL.len(), 0..20u32, any::<bool>(), pieces, 1..70_000usize);
    run_for(input, |(coding, level, knows_length, pieces, size)| {
        let coding = Coding::ALL[coding];
        let levels = coding.levels();
        // the highest levels take a second for what this makes
        let level = level.clamp(*levels.start(), (*levels.end()).min(9));
        let given: Vec<u8> = pieces.iter().flat_map(|(piece, _)| piece.clone()).collect();
        let length = knows_length.then_some(given.len() as u64);
        let wire = encoded(coding, level, length, &pieces);
        let (bytes, at_end) = decoded(coding, &wire, size);
        prop_assert!(at_end, "the end is marked");
        prop_assert!(bytes == given, "{coding} {level}: {} of {} bytes", bytes.len(), given.len());
        Ok(())
    });
}

#[test]
fn every_level_compresses() {
    let text = "all work and no play makes a dull boy. ".repeat(60);
    for coding in Coding::ALL {
        for level in coding.levels() {
            let wire = encoded(coding, level, None, &[(text.clone().into_bytes(), false)]);
            assert_eq!(decoded(coding, &wire, 1000).0, text.as_bytes(), "{coding} {level}");
            let stores = level == 0 && matches!(coding, Coding::Gzip | Coding::Deflate);
            assert_eq!(wire.len() < text.len() / 4, !stores, "{coding} {level}: {}", wire.len());
        }
    }
}

#[test]
fn other_libraries_read_it() {
    use std::io::Read;
    let text = "so it goes. ".repeat(500);
    let mut read = String::new();
    let gzip = compressed(Coding::Gzip, text.as_bytes());
    flate2::read::GzDecoder::new(&gzip[..]).read_to_string(&mut read).expect("gzip");
    assert_eq!(std::mem::take(&mut read), text);
    let zlib = compressed(Coding::Deflate, text.as_bytes());
    flate2::read::ZlibDecoder::new(&zlib[..]).read_to_string(&mut read).expect("zlib");
    assert_eq!(std::mem::take(&mut read), text);
    let brotli = compressed(Coding::Brotli, text.as_bytes());
    brotli::Decompressor::new(&brotli[..], 4096).read_to_string(&mut read).expect("brotli");
    assert_eq!(std::mem::take(&mut read), text);
    let mut whole = Vec::with_capacity(text.len());
    zstd_safe::decompress(&mut whole, &compressed(Coding::Zstd, text.as_bytes())).expect("zstd");
    assert_eq!(whole, text.as_bytes());
}

#[test]
fn members_and_frames_that_follow_each_other_are_one_body() {
    for coding in [Coding::Gzip, Coding::Zstd] {
        let wire =
            [compressed(coding, b"one, "), compressed(coding, b""), compressed(coding, b"two")].concat();
        for size in [1, 3, 1000] {
            assert_eq!(decoded(coding, &wire, size), (b"one, two".to_vec(), true), "{coding} by {size}");
        }
    }
}

#[test]
fn a_body_of_very_many_members_is_refused() {
    for coding in [Coding::Gzip, Coding::Zstd] {
        let member = compressed(coding, b"");
        assert_eq!(try_decoded(coding, &member.repeat(1000), 4096), (Vec::new(), Ok(true)), "{coding}");
        let (made, end) = try_decoded(coding, &member.repeat(5000), 4096);
        assert!(made.is_empty() && end.is_err(), "{coding}");
    }
}

#[test]
fn a_body_that_breaks_off_is_not_at_its_end() {
    for coding in Coding::ALL {
        let wire = compressed(coding, &b"a body with some text in it, and then some more text".repeat(9));
        for length in 0..wire.len() {
            let (_, end) = try_decoded(coding, &wire[..length], 5);
            assert_eq!(end, Ok(false), "{coding}: {length} of {} bytes", wire.len());
        }
    }
}

#[test]
fn what_follows_the_end_is_broken() {
    for coding in Coding::ALL {
        let wire = [compressed(coding, b"text"), b"and more".to_vec()].concat();
        for size in [1, 1000] {
            assert_eq!(try_decoded(coding, &wire, size).1, Err(BrokenCoding(coding)), "{coding} by {size}");
        }
    }
}

#[test]
fn a_wrong_checksum_is_broken() {
    for coding in [Coding::Gzip, Coding::Deflate] {
        let mut wire = compressed(coding, b"text");
        let last = wire.len() - if coding == Coding::Gzip { 5 } else { 1 };
        wire[last] ^= 1;
        assert_eq!(try_decoded(coding, &wire, 1000).1, Err(BrokenCoding(coding)));
    }
}

#[test]
fn windows_beyond_what_the_formats_allow_for_http_are_refused() {
    // RFC 8878 section 3.1.1.1.2: a descriptor of 0x68 is a window of 8 MB, the next one of 9 MB
    for (descriptor, is_sound) in [(0x68, true), (0x69, false), (0xFF, false)] {
        let frame = [0x28, 0xB5, 0x2F, 0xFD, 0x00, descriptor, 0x01, 0x00, 0x00];
        assert_eq!(try_decoded(Coding::Zstd, &frame, 100).1.is_ok(), is_sound, "{descriptor:x}");
    }
    // what brotli's own encoder begins a stream with when it was asked for a window of 1 GB
    let large = [0x11, 0x1E];
    assert_eq!(try_decoded(Coding::Brotli, &large, 100).1, Err(BrokenCoding(Coding::Brotli)));
}

#[test]
fn whatever_arrives_is_decoded_or_refused() {
    let mangled = (0..Coding::ALL.len(), content(), any::<proptest::sample::Index>(), any::<u8>());
    let input = (mangled, 1..5000usize);
    run_for(input, |((coding, bytes, place, flip), size)| {
        let coding = Coding::ALL[coding];
        let mut wire = compressed(coding, &bytes);
        let at = place.index(wire.len());
        wire[at] ^= flip;
        let (found, end) = try_decoded(coding, &wire, size);
        let checks = matches!(coding, Coding::Gzip | Coding::Deflate);
        if checks && end == Ok(true) {
            prop_assert!(found == bytes, "a checksum that fits means that nothing was changed");
        }
        let _ = try_decoded(coding, &bytes, size);
        Ok(())
    });
}

#[test]
fn names_are_read_in_any_case_and_aliases_too() {
    for coding in Coding::ALL {
        assert_eq!(coding.name().parse(), Ok(coding));
        assert_eq!(coding.name().to_uppercase().parse(), Ok(coding));
    }
    assert_eq!("x-gzip".parse(), Ok(Coding::Gzip));
    for other in ["", "gzipfoo", "compress", "identity", "*", "g zip"] {
        assert_eq!(other.parse::<Coding>(), Err(UnknownCoding), "{other:?}");
    }
}
