//! Bodies that a client has compressed (RFC 9110 section 8.4), decoded as they arrive.

use bytes::Bytes;

use crate::coding::{Coding, Decoder};
use crate::{Headers, HttpError, Limits};

/// The decoders that a body passes, the outermost coding first.
pub(super) struct Decoders(Vec<Stage>);

/// One decoder, and what it has not taken yet.
struct Stage {
    coding: Coding,
    decoder: Decoder,
    input: Bytes,
    made: usize,
    limit: usize,
}

/// What a look at the decoders comes to.
pub(super) enum Decoded {
    Piece(Bytes),
    /// More has to arrive first.
    Hungry,
    End,
}

impl Decoders {
    /// The decoders for the `Content-Encoding` of a request; `None` if it has none.
    ///
    /// Each may make at most `limit` bytes: the last one's are the body, and one before it that makes more than that
    /// out of something small is there to keep the server busy.
    ///
    /// # Errors
    ///
    /// 415 with `Accept-Encoding` for a coding that is none of ours, and for more of them than the limit
    /// `content_codings` (RFC 9110 section 15.5.16, RFC 7694 section 3); 503 if there is no memory.
    pub(super) fn new(headers: &Headers, limits: &Limits, limit: usize) -> Result<Option<Self>, HttpError> {
        let mut stages = Vec::new();
        for field in headers.as_map().get_all(http::header::CONTENT_ENCODING) {
            let field = String::from_utf8_lossy(field.as_bytes());
            for name in field.split(',').map(|name| name.trim_matches([' ', '\t'])) {
                if name.is_empty() || name.eq_ignore_ascii_case("identity") {
                    continue;
                }
                let coding: Coding = name
                    .parse()
                    .map_err(|error| unsupported(format!("The body is coded as {name}; {error}.")))?;
                if stages.len() == limits.content_codings {
                    let most = limits.content_codings;
                    return Err(unsupported(format!("A body may have at most {most} content codings.")));
                }
                let decoder = Decoder::new(coding).ok_or_else(|| HttpError::new(503))?;
                stages.push(Stage { coding, decoder, input: Bytes::new(), made: 0, limit });
            }
        }
        // they are listed in the order in which they were applied
        stages.reverse();
        Ok((!stages.is_empty()).then_some(Decoders(stages)))
    }

    /// Gives the outermost decoder what has arrived; it must have been hungry.
    pub(super) fn feed(&mut self, piece: Bytes) {
        if let Some(outermost) = self.0.first_mut() {
            outermost.input = piece;
        }
    }

    /// The next piece of the body. `at_end`: nothing more will arrive.
    pub(super) fn next(&mut self, at_end: bool) -> Result<Decoded, HttpError> {
        pull(&mut self.0, at_end)
    }

    /// Whether nothing has arrived: no body at all is no broken one.
    pub(super) fn is_untouched(&self) -> bool {
        self.0.iter().all(|stage| !stage.decoder.has_begun() && stage.input.is_empty())
    }
}

/// The next piece that the last of these stages makes.
fn pull(stages: &mut [Stage], at_end: bool) -> Result<Decoded, HttpError> {
    let Some((stage, before)) = stages.split_last_mut() else {
        return Ok(if at_end { Decoded::End } else { Decoded::Hungry });
    };
    loop {
        let piece = stage.decode()?;
        if !piece.is_empty() {
            return Ok(Decoded::Piece(piece));
        }
        match pull(before, at_end)? {
            Decoded::Piece(piece) => stage.input = piece,
            Decoded::Hungry => return Ok(Decoded::Hungry),
            Decoded::End if stage.decoder.at_end() => return Ok(Decoded::End),
            Decoded::End => return Err(stage.broken()),
        }
    }
}

impl Stage {
    fn decode(&mut self) -> Result<Bytes, HttpError> {
        let piece = self.decoder.decode(&mut self.input).map_err(|_| self.broken())?;
        if piece.is_empty() && !self.input.is_empty() {
            return Err(self.broken());
        }
        self.made = self.made.saturating_add(piece.len());
        if self.made > self.limit {
            return Err(super::body::too_large(self.limit));
        }
        Ok(piece)
    }

    fn broken(&self) -> HttpError {
        let error = crate::coding::BrokenCoding(self.coding);
        HttpError::bad_request(format!("The body could not be read: {error}."))
    }
}

/// 415 for a coding, which the field tells from a 415 for a media type.
fn unsupported(explain: String) -> HttpError {
    HttpError::new(415).explain(explain).field("Accept-Encoding", "gzip, deflate, br, zstd")
}
