//! Frames in pieces, and what is promised of them: for the tests and for `fuzz/`.

use super::*;
use crate::websocket::deflate::DeflateParameters;

/// Tells the events in these bytes, which arrive in pieces of the given sizes, over and over.
pub(crate) fn feed(
    decoder: &mut Decoder,
    bytes: &[u8],
    cuts: &[usize],
    told: &mut dyn FnMut(&mut Decoder, Incoming),
) -> Result<(), Violation> {
    let mut unread = Vec::new();
    let mut cuts = cuts.iter().copied().cycle();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, later) = rest.split_at(cuts.next().unwrap_or(1).clamp(1, rest.len()));
        if unread.is_empty()
            && let Some(mut room) = decoder.direct_room()
        {
            let read = piece.len().min(room.remaining_mut());
            room.put_slice(&piece[..read]);
            rest = &rest[read..];
            unread = decoder.take_beyond(read);
            if let Some(event) = decoder.take_direct(read - unread.len())? {
                told(decoder, event);
            }
        } else {
            unread.extend_from_slice(piece);
            rest = later;
        }
        loop {
            let (taken, event) = decoder.decode(&mut unread)?;
            unread.drain(..taken);
            let Some(event) = event else { break };
            told(decoder, event);
        }
    }
    Ok(())
}

/// The longest frame and message here: small enough to be exceeded.
const FRAME: usize = 20_000;
const MESSAGE: usize = 30_000;

/// Panics unless these bytes are the same events, to the same end, when they come in pieces of these sizes; and unless
/// every event is within the limits and what has to be text is.
///
/// The bits of `options` are, from the lowest: messages may be compressed, contexts are kept, the window is a small
/// one, frames are kept for their message.
pub(crate) fn check(options: u8, bytes: &[u8], cuts: &[usize]) {
    let whole = outcome(options, bytes, &[bytes.len()]);
    assert_eq!(whole, outcome(options, bytes, cuts), "in pieces of {cuts:?}");
    assert_eq!(whole, outcome(options, bytes, &[1]), "byte by byte");
}

/// The events, the messages of which frames were kept, and the violation, if there was one.
type Told = (Vec<Incoming>, Vec<Bytes>, Option<Violation>);

fn outcome(options: u8, bytes: &[u8], cuts: &[usize]) -> Told {
    let is_set = |bit: u8| options & (1 << bit) != 0;
    let parameters = DeflateParameters {
        server_keeps_context: is_set(1),
        client_keeps_context: is_set(1),
        server_window_bits: 15,
        client_window_bits: if is_set(2) { 9 } else { 15 },
        level: 1,
        threshold: 0,
    };
    let inflater = is_set(0).then(|| Inflater::new(&parameters));
    let (mut events, mut kept) = (Vec::new(), Vec::new());
    let mut decoder = Decoder::new(FRAME, MESSAGE, inflater);
    let violation = feed(&mut decoder, bytes, cuts, &mut |decoder, event| {
        match &event {
            Incoming::Text(text) => assert!(text.len() <= MESSAGE),
            Incoming::Binary(payload) => assert!(payload.len() <= MESSAGE),
            Incoming::BinaryFrame { fin, payload } => {
                assert!(payload.len() <= MESSAGE);
                if is_set(3) {
                    decoder.keep(payload);
                }
                if *fin {
                    kept.extend(decoder.take_kept());
                }
            }
            Incoming::Ping(payload) | Incoming::Pong(payload) => assert!(payload.len() <= 125),
            Incoming::Close(reason) => {
                assert!(reason.as_ref().is_none_or(|(code, text)| *code >= 1000 && text.len() <= 123));
            }
        }
        events.push(event);
    })
    .err();
    assert!(kept.iter().all(|message| message.len() <= MESSAGE));
    if let Some(Violation { code, reason }) = &violation {
        assert!(matches!(code, 1002 | 1007..=1009) && !reason.is_empty());
    }
    (events, kept, violation)
}
