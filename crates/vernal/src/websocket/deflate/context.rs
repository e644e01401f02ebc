//! The contexts that compress and expand; lent out for a message where they are not kept.

use std::cell::Cell;

use bytes::Bytes;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::websocket::deflate::DeflateParameters;
use crate::websocket::violation::Violation;

/// What ends a flushed piece, and is left away at the end of a message (section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// So many bytes are expanded at a time.
const EXPANDED: usize = 16 * 1024;

const MALFORMED: Violation = Violation::payload("malformed compressed message");

thread_local! {
    /// The contexts of this thread that no message is using.
    static SPARE_INFLATE: Cell<Option<Box<Decompress>>> = const { Cell::new(None) };
    static SPARE_DEFLATE: Cell<Option<SpareDeflate>> = const { Cell::new(None) };
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A context, and the level and window bits that it was made with.
type SpareDeflate = (u8, u8, Box<Compress>);

/// Expands the messages of a client.
pub(crate) struct Inflater {
    keeps_context: bool,
    window_bits: u8,
    context: Option<Box<Decompress>>,
    /// Whether the last byte was the end of a final block, which needs no tail.
    at_end: bool,
}

impl Inflater {
    pub(crate) fn new(parameters: &DeflateParameters) -> Self {
        Inflater {
            keeps_context: parameters.client_keeps_context,
            window_bits: parameters.client_window_bits,
            context: None,
            at_end: false,
        }
    }

    /// Expands a part of a message into the sink, some KB at a time; the sink may refuse.
    pub(crate) fn inflate(
        &mut self,
        input: &[u8],
        sink: &mut dyn FnMut(&[u8]) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        let mut scratch = SCRATCH.take();
        scratch.resize(EXPANDED, 0);
        let expanded = self.expand(input, &mut scratch, sink);
        SCRATCH.set(scratch);
        expanded
    }

    /// Ends a message.
    pub(crate) fn finish(
        &mut self,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        if !self.at_end {
            self.inflate(&TAIL, sink)?;
        }
        self.at_end = false;
        if !self.keeps_context
            && let Some(mut context) = self.context.take()
        {
            context.reset(false);
            SPARE_INFLATE.set(Some(context));
        }
        Ok(())
    }

    fn expand(
        &mut self,
        mut input: &[u8],
        scratch: &mut [u8],
        sink: &mut dyn FnMut(&[u8]) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        let context = self.context.get_or_insert_with(|| make_inflate(self.keeps_context, self.window_bits));
        if !input.is_empty() {
            self.at_end = false;
        }
        loop {
            let (read, written) = (context.total_in(), context.total_out());
            let status = context.decompress(input, scratch, FlushDecompress::Sync);
            let read = (context.total_in() - read) as usize;
            let written = (context.total_out() - written) as usize;
            input = &input[read..];
            // what comes before a mistake has been sent before it, and may be a mistake of its own
            sink(&scratch[..written])?;
            let status = status.map_err(|_| MALFORMED)?;
            if status == Status::StreamEnd {
                // after a final block another stream begins (section 7.2.3.5); nothing in it refers to the one before
                context.reset(false);
                self.at_end = input.is_empty();
            }
            if input.is_empty() && written < scratch.len() {
                return Ok(());
            }
            if read == 0 && written == 0 {
                return Err(MALFORMED);
            }
        }
    }
}

fn make_inflate(keeps_context: bool, window_bits: u8) -> Box<Decompress> {
    // a larger window than the client's expands what a smaller one would; those that are lent are all of one size
    let spare = if keeps_context { None } else { SPARE_INFLATE.take() };
    spare.unwrap_or_else(|| match window_bits {
        9..15 if keeps_context => Box::new(Decompress::new_with_window_bits(false, window_bits)),
        8 if keeps_context => Box::new(Decompress::new_with_window_bits(false, 9)),
        _ => Box::new(Decompress::new(false)),
    })
}

/// One message, compressed once for each kind of context that has no past.
#[derive(Default)]
pub(crate) struct Compressions(Vec<((u8, u8), Bytes)>);

/// Compresses the messages of the server.
pub(crate) struct Deflater {
    keeps_context: bool,
    window_bits: u8,
    level: u8,
    context: Option<Box<Compress>>,
}

impl Deflater {
    pub(crate) fn new(parameters: &DeflateParameters) -> Self {
        Deflater {
            keeps_context: parameters.server_keeps_context,
            window_bits: parameters.server_window_bits,
            level: parameters.level,
            context: None,
        }
    }

    /// Whether the next message may refer to this one, which the client then has to be sent.
    pub(crate) fn keeps_context(&self) -> bool {
        self.keeps_context
    }

    /// Level and window bits, where nothing else decides what comes of a message: the same for all connections that
    /// have the same.
    fn kind(&self) -> Option<(u8, u8)> {
        (!self.keeps_context).then_some((self.level, self.window_bits))
    }

    /// Compresses a message that other connections are sent as well.
    pub(crate) fn deflate_shared(&mut self, message: &[u8], shared: &mut Compressions) -> Bytes {
        let Some(kind) = self.kind() else { return self.deflate(message, true).into() };
        if let Some((_, compressed)) = shared.0.iter().find(|(known, _)| *known == kind) {
            return compressed.clone();
        }
        let compressed = Bytes::from(self.deflate(message, true));
        shared.0.push((kind, compressed.clone()));
        compressed
    }

    /// Compresses a part of a message, which must not be empty. The last part has no tail.
    pub(crate) fn deflate(&mut self, mut input: &[u8], last: bool) -> Vec<u8> {
        let context = self.context.get_or_insert_with(|| make_deflate(self.level, self.window_bits));
        let mut output = Vec::with_capacity(input.len() / 2 + 64);
        loop {
            // less room than this, and a flush may have to be told apart from its continuation
            output.reserve(64);
            let read = context.total_in();
            // the only error is a context that was misused
            let status = context.compress_vec(input, &mut output, FlushCompress::Sync);
            input = &input[(context.total_in() - read) as usize..];
            if status.is_err() || (input.is_empty() && output.len() < output.capacity()) {
                break;
            }
        }
        if last {
            if output.ends_with(&TAIL) {
                output.truncate(output.len() - TAIL.len());
            }
            if !self.keeps_context
                && let Some(mut context) = self.context.take()
            {
                context.reset();
                SPARE_DEFLATE.set(Some((self.level, self.window_bits, context)));
            }
        }
        output
    }
}

fn make_deflate(level: u8, window_bits: u8) -> Box<Compress> {
    match SPARE_DEFLATE.take() {
        Some((spare_level, spare_bits, context)) if (spare_level, spare_bits) == (level, window_bits) => {
            context
        }
        _ => Box::new(Compress::new_with_window_bits(Compression::new(level.into()), false, window_bits)),
    }
}

#[cfg(test)]
mod tests;
