use proptest::prelude::*;

use super::*;
use crate::properties;

fn parameters(keeps_context: bool, window_bits: u8, level: u8) -> DeflateParameters {
    DeflateParameters {
        server_keeps_context: keeps_context,
        client_keeps_context: keeps_context,
        server_window_bits: window_bits,
        client_window_bits: window_bits,
        level,
        threshold: 0,
    }
}

fn inflate(inflater: &mut Inflater, pieces: &[&[u8]]) -> Result<Vec<u8>, Violation> {
    let mut expanded = Vec::new();
    let mut sink = |bytes: &[u8]| {
        expanded.extend_from_slice(bytes);
        Ok(())
    };
    for piece in pieces {
        inflater.inflate(piece, &mut sink)?;
    }
    inflater.finish(&mut sink)?;
    Ok(expanded)
}

#[test]
fn messages_come_back_as_they_were_with_all_parameters() {
    let message = proptest::collection::vec(prop_oneof![0_u8..4, any::<u8>()], 1..3000);
    let messages = proptest::collection::vec((message, 1_usize..3000, 1_usize..3000), 1..4);
    properties::run_for((messages, any::<bool>(), 9_u8..=15, 0_u8..=9), |(messages, keeps, bits, level)| {
        let parameters = parameters(keeps, bits, level);
        let (mut deflater, mut inflater) = (Deflater::new(&parameters), Inflater::new(&parameters));
        for (message, sent_cut, received_cut) in messages {
            let (head, tail) = message.split_at(sent_cut.min(message.len() - 1));
            let mut compressed = if head.is_empty() { Vec::new() } else { deflater.deflate(head, false) };
            compressed.extend(deflater.deflate(tail, true));
            let (head, tail) = compressed.split_at(received_cut.min(compressed.len()));
            prop_assert_eq!(inflate(&mut inflater, &[head, tail]), Ok(message));
        }
        Ok(())
    });
}

/// Text in which the same words come again at all distances.
fn repetitive(length: usize) -> Vec<u8> {
    let mut random = 1_u32;
    let mut words = std::iter::repeat_with(|| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        format!("{} ", random >> 25)
    });
    let mut text = Vec::new();
    while text.len() < length {
        text.extend(words.next().unwrap_or_default().bytes());
    }
    text
}

#[test]
fn a_context_that_is_kept_makes_the_second_message_smaller() {
    let text = repetitive(2000);
    let mut kept = Deflater::new(&parameters(true, 15, 6));
    assert!(kept.deflate(&text, true).len() > 10 * kept.deflate(&text, true).len());
    let mut lent = Deflater::new(&parameters(false, 15, 6));
    assert_eq!(lent.deflate(&text, true), lent.deflate(&text, true));
}

#[test]
fn the_examples_of_the_rfc_expand_to_hello() {
    // section 7.2.3: plain, in two frames, without compression, with a final block, in two blocks
    let examples: [&[&[u8]]; 5] = [
        &[&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]],
        &[&[0xf2, 0x48, 0xcd], &[0xc9, 0xc9, 0x07, 0x00]],
        &[&[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00]],
        &[&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00]],
        &[&[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00]],
    ];
    for keeps_context in [true, false] {
        for pieces in examples {
            let mut inflater = Inflater::new(&parameters(keeps_context, 15, 1));
            for _ in 0..3 {
                assert_eq!(inflate(&mut inflater, pieces), Ok(b"Hello".to_vec()));
            }
        }
    }
    let mut kept = Inflater::new(&parameters(true, 15, 1));
    assert_eq!(inflate(&mut kept, &[&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]]), Ok(b"Hello".to_vec()));
    assert_eq!(inflate(&mut kept, &[&[0xf2, 0x00, 0x11, 0x00, 0x00]]), Ok(b"Hello".to_vec()));
    assert_eq!(inflate(&mut kept, &[&[0x00]]), Ok(Vec::new()));
}

#[test]
fn garbage_is_a_violation_and_never_a_panic() {
    properties::run_for(proptest::collection::vec(any::<u8>(), 0..200), |garbage| {
        let mut inflater = Inflater::new(&parameters(true, 10, 1));
        let mut sink = |_: &[u8]| Ok(());
        for _ in 0..2 {
            let _ = inflater.inflate(&garbage, &mut sink).and_then(|()| inflater.finish(&mut sink));
        }
        Ok(())
    });
    let mut inflater = Inflater::new(&parameters(false, 15, 1));
    assert_eq!(inflate(&mut inflater, &[&[0xff; 20]]), Err(MALFORMED));
}

#[test]
fn a_refusing_sink_ends_the_expansion() {
    let zeros = Deflater::new(&parameters(false, 15, 9)).deflate(&vec![0; 10_000_000], true);
    assert!(zeros.len() < 20_000);
    let mut room = 100_000_usize;
    let mut sink = |bytes: &[u8]| {
        room = room.checked_sub(bytes.len()).ok_or(Violation::too_big("too much"))?;
        Ok(())
    };
    let mut inflater = Inflater::new(&parameters(false, 15, 1));
    assert_eq!(inflater.inflate(&zeros, &mut sink), Err(Violation::too_big("too much")));
}

#[test]
fn a_message_to_many_is_compressed_once_for_each_kind_of_context_without_a_past() {
    let message = repetitive(5000);
    let mut shared = Compressions::default();
    let mut send = |keeps, bits, level| {
        let parameters = parameters(keeps, bits, level);
        let compressed = Deflater::new(&parameters).deflate_shared(&message, &mut shared);
        let expanded = inflate(&mut Inflater::new(&parameters), &[&compressed]);
        assert_eq!(expanded, Ok(message.clone()));
        compressed
    };
    let first = send(false, 15, 1);
    assert_eq!(send(false, 15, 1).as_ptr(), first.as_ptr());
    for (keeps, bits, level) in [(true, 15, 1), (false, 9, 1), (false, 15, 9)] {
        let other = send(keeps, bits, level);
        assert_ne!(other.as_ptr(), first.as_ptr());
        assert_eq!(send(keeps, bits, level).as_ptr() == other.as_ptr(), !keeps);
    }
}
