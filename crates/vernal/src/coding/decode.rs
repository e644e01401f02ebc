//! Compressed bytes made whole again. What comes in is a stranger's: every byte of it may be wrong.

use std::fmt;

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use bytes::{Buf, Bytes};
use flate2::{Decompress, FlushDecompress, Status};
use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer};

use super::Coding;

/// How many members (gzip) or frames (zstd) may follow the first: each costs a state of its own, however little is in it.
/// Programs that write several put 64 KB and more into each.
const MEMBERS: usize = 4096;

/// The most that one call of [`Decoder::decode`] makes.
pub(crate) const PIECE: usize = 32 * 1024;

/// The logarithm of the largest window of zstd: 8 MB (RFC 9659 section 3). brotli's own bound is 16 MB (RFC 7932
/// section 9.1), DEFLATE's 32 KB.
const ZSTD_WINDOW_LOG: u32 = 23;

/// A body being decompressed.
///
/// gzip and zstd may come as several members or frames, one after another; together they are the body (RFC 1952
/// section 2.2, RFC 8878 section 3.1). brotli and zlib have one end, and nothing may follow it.
pub(crate) struct Decoder {
    coding: Coding,
    kind: Kind,
    /// Whether what came so far may be all.
    at_end: bool,
    has_begun: bool,
    /// The members or frames that followed the first.
    members: usize,
}

enum Kind {
    Gzip(Decompress),
    Deflate(Decompress),
    Brotli(Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>),
    Zstd(DCtx<'static>),
}

/// The body is not what its coding says, or ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BrokenCoding(pub(crate) Coding);

impl fmt::Display for BrokenCoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let coding = self.0;
        match coding {
            Coding::Zstd => {
                write!(f, "it is no valid {coding}, breaks off, or needs a window of more than 8 MB")
            }
            _ => write!(f, "it is no valid {coding}, or breaks off"),
        }
    }
}

impl std::error::Error for BrokenCoding {}

impl Decoder {
    /// A decoder; none where there is no memory for it.
    pub(crate) fn new(coding: Coding) -> Option<Self> {
        let kind = match coding {
            Coding::Gzip => Kind::Gzip(gzip()),
            Coding::Deflate => Kind::Deflate(Decompress::new(true)),
            // the strict form: no windows beyond those of RFC 7932
            Coding::Brotli => Kind::Brotli(Box::new(BrotliState::new_strict(
                StandardAlloc::default(),
                StandardAlloc::default(),
                StandardAlloc::default(),
            ))),
            Coding::Zstd => {
                let mut context = DCtx::try_create()?;
                context.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG)).ok()?;
                Kind::Zstd(context)
            }
        };
        Some(Decoder { coding, kind, at_end: false, has_begun: false, members: 0 })
    }

    /// Whether what came so far may be all of the body.
    pub(crate) fn at_end(&self) -> bool {
        self.at_end
    }

    /// Whether any input came.
    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Decodes some of the input, which is advanced, into at most [`PIECE`] bytes. No bytes: more input is wanted.
    pub(crate) fn decode(&mut self, input: &mut Bytes) -> Result<Bytes, BrokenCoding> {
        let broken = BrokenCoding(self.coding);
        self.has_begun |= !input.is_empty();
        let mut output = Vec::with_capacity(PIECE);
        // What is held back from an earlier call comes out without any input, so one call is made in any case.
        loop {
            if self.at_end {
                if input.is_empty() {
                    break;
                }
                self.begin_next(broken)?;
            }
            let before = (input.len(), output.len());
            self.step(input, &mut output).ok_or(broken)?;
            let has_stalled = (input.len(), output.len()) == before;
            if output.len() >= PIECE || has_stalled && !self.at_end {
                break;
            }
        }
        if output.len() < PIECE / 4 {
            // who keeps a short text should not keep the room of a long one
            output.shrink_to_fit();
        }
        Ok(output.into())
    }

    /// Another member or frame follows the one that has ended.
    fn begin_next(&mut self, broken: BrokenCoding) -> Result<(), BrokenCoding> {
        match &mut self.kind {
            Kind::Gzip(stream) => *stream = gzip(),
            Kind::Zstd(_) => {}
            Kind::Deflate(_) | Kind::Brotli(_) => return Err(broken),
        }
        self.members += 1;
        if self.members > MEMBERS {
            return Err(broken);
        }
        self.at_end = false;
        Ok(())
    }

    /// One call of the library; `None` where it finds the input broken.
    fn step(&mut self, input: &mut Bytes, output: &mut Vec<u8>) -> Option<()> {
        match &mut self.kind {
            Kind::Gzip(stream) | Kind::Deflate(stream) => {
                let before = stream.total_in();
                let status = stream.decompress_vec(input, output, FlushDecompress::None).ok()?;
                input.advance((stream.total_in() - before) as usize);
                self.at_end = status == Status::StreamEnd;
            }
            Kind::Brotli(state) => {
                let start = output.len();
                output.resize(PIECE, 0);
                let (mut taken, mut made, mut total) = (0, start, 0);
                let (mut waiting, mut room) = (input.len(), PIECE - start);
                let result = BrotliDecompressStream(
                    &mut waiting,
                    &mut taken,
                    input,
                    &mut room,
                    &mut made,
                    output,
                    &mut total,
                    state,
                );
                output.truncate(made);
                input.advance(taken);
                self.at_end = match result {
                    BrotliResult::ResultSuccess => true,
                    BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => false,
                    BrotliResult::ResultFailure => return None,
                };
            }
            Kind::Zstd(context) => {
                let start = output.len();
                let mut source = InBuffer::around(input);
                let mut room = OutBuffer::around_pos(output, start);
                let hint = context.decompress_stream(&mut room, &mut source).ok()?;
                let taken = source.pos();
                self.at_end = hint == 0;
                input.advance(taken);
            }
        }
        Some(())
    }
}

fn gzip() -> Decompress {
    Decompress::new_gzip(15)
}
