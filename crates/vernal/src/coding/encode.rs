//! Bytes made smaller, piece by piece.

use std::io::{self, Write};

use brotli::CompressorWriter;
use brotli::enc::BrotliEncoderParams;
use flate2::{Compress, CompressError, Compression, FlushCompress, Status};
use zstd_safe::zstd_sys::ZSTD_EndDirective::{self, ZSTD_e_continue, ZSTD_e_end, ZSTD_e_flush};
use zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer};

use super::Coding;

/// The logarithm of the window for a body of unknown length, such as an endless stream of events: 128 KB. With the
/// tables that belong to it a connection pays one to two megabytes for zstd, a quarter of one for gzip.
const UNKNOWN_LENGTH: u32 = 17;

/// The logarithm of the entries in each table of zstd for such a body, four bytes an entry. Left alone it would take what
/// its level has for gigabytes: 11 MB at level 9, 85 MB at level 19.
const TABLES: u32 = 16;

/// The logarithm of the largest window, 1 MB: more helps little, and memory is per connection.
const LARGEST: u32 = 20;

/// A body being compressed. What goes in comes out when there is enough of it, or at [`flush`](Encoder::flush).
pub(crate) struct Encoder(Kind);

enum Kind {
    Deflate(Compress),
    Brotli(Box<CompressorWriter<Vec<u8>>>),
    Zstd(CCtx<'static>),
}

impl Encoder {
    /// An encoder at this level, one of [`Coding::levels`], for a body of `length` bytes where that is known.
    ///
    /// # Errors
    ///
    /// Where there is no memory for it.
    pub(crate) fn new(coding: Coding, level: u32, length: Option<u64>) -> io::Result<Self> {
        let window = window(length);
        Ok(Encoder(match coding {
            Coding::Gzip => Kind::Deflate(Compress::new_gzip(Compression::new(level), WINDOW_BITS)),
            Coding::Deflate => Kind::Deflate(Compress::new(Compression::new(level), true)),
            Coding::Brotli => {
                let params = BrotliEncoderParams {
                    quality: level as i32,
                    lgwin: window as i32,
                    size_hint: length.map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX)),
                    ..BrotliEncoderParams::default()
                };
                Kind::Brotli(Box::new(CompressorWriter::with_params(Vec::new(), 4096, &params)))
            }
            Coding::Zstd => {
                let mut context = CCtx::try_create().ok_or(io::ErrorKind::OutOfMemory)?;
                for parameter in [CParameter::CompressionLevel(level as i32), CParameter::WindowLog(window)] {
                    context.set_parameter(parameter).map_err(zstd_error)?;
                }
                match length {
                    // the library then chooses tables of a size that fits
                    Some(_) => context.set_pledged_src_size(length).map(drop),
                    None => [CParameter::HashLog(TABLES), CParameter::ChainLog(TABLES)]
                        .into_iter()
                        .try_for_each(|parameter| context.set_parameter(parameter).map(drop)),
                }
                .map_err(zstd_error)?;
                Kind::Zstd(context)
            }
        }))
    }

    /// Takes a piece of the body, and appends to `output` what has become of it and of those before.
    pub(crate) fn write(&mut self, input: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
        match &mut self.0 {
            Kind::Deflate(stream) => deflate(stream, input, FlushCompress::None, output),
            Kind::Brotli(writer) => {
                writer.write_all(input)?;
                output.append(writer.get_mut());
                Ok(())
            }
            Kind::Zstd(context) => zstd(context, input, ZSTD_e_continue, output),
        }
    }

    /// Appends everything that was taken and is still held: a decoder can then read all of it.
    pub(crate) fn flush(&mut self, output: &mut Vec<u8>) -> io::Result<()> {
        match &mut self.0 {
            Kind::Deflate(stream) => deflate(stream, &[], FlushCompress::Sync, output),
            Kind::Brotli(writer) => {
                writer.flush()?;
                output.append(writer.get_mut());
                Ok(())
            }
            Kind::Zstd(context) => zstd(context, &[], ZSTD_e_flush, output),
        }
    }

    /// Takes the last piece, and appends the end.
    pub(crate) fn finish(mut self, input: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
        match &mut self.0 {
            Kind::Deflate(stream) => deflate(stream, input, FlushCompress::Finish, output),
            Kind::Zstd(context) => zstd(context, input, ZSTD_e_end, output),
            Kind::Brotli(_) => {
                self.write(input, output)?;
                let Kind::Brotli(writer) = self.0 else { return Ok(()) };
                output.append(&mut writer.into_inner());
                Ok(())
            }
        }
    }
}

/// The window of DEFLATE, as large as it can be.
const WINDOW_BITS: u8 = 15;

/// The logarithm of a window that is as large as the body, within bounds.
fn window(length: Option<u64>) -> u32 {
    // brotli knows no smaller one than 10, and zstd none that is smaller still
    const SMALLEST: u32 = 10;
    length.map_or(UNKNOWN_LENGTH, |length| {
        (u64::BITS - length.saturating_sub(1).leading_zeros()).clamp(SMALLEST, LARGEST)
    })
}

fn deflate(
    stream: &mut Compress,
    mut input: &[u8],
    flush: FlushCompress,
    output: &mut Vec<u8>,
) -> io::Result<()> {
    loop {
        if output.capacity() - output.len() < 64 {
            output.reserve((input.len() / 4).max(256));
        }
        let before = stream.total_in();
        let status = stream.compress_vec(input, output, flush).map_err(deflate_error)?;
        input = &input[(stream.total_in() - before) as usize..];
        let is_done = match flush {
            FlushCompress::Finish => status == Status::StreamEnd,
            // a call that leaves room has nothing more to write
            _ => input.is_empty() && output.len() < output.capacity(),
        };
        if is_done {
            return Ok(());
        }
    }
}

fn deflate_error(error: CompressError) -> io::Error {
    io::Error::other(error)
}

fn zstd(
    context: &mut CCtx<'static>,
    input: &[u8],
    directive: ZSTD_EndDirective,
    output: &mut Vec<u8>,
) -> io::Result<()> {
    let mut input = InBuffer::around(input);
    loop {
        if output.capacity() - output.len() < 64 {
            output.reserve(((input.src.len() - input.pos()) / 4).max(256));
        }
        let start = output.len();
        let mut room = OutBuffer::around_pos(output, start);
        let unsent = context.compress_stream2(&mut room, &mut input, directive).map_err(zstd_error)?;
        let is_done = match directive {
            ZSTD_e_continue => input.pos() == input.src.len(),
            ZSTD_e_flush | ZSTD_e_end => unsent == 0,
        };
        if is_done {
            return Ok(());
        }
    }
}

fn zstd_error(code: usize) -> io::Error {
    io::Error::other(zstd_safe::get_error_name(code))
}
