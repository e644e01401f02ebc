//! `multipart/form-data` bodies (RFC 7578, RFC 2046 section 5.1, `spec/03` section 6), read as they arrive.

mod file;
mod head;
mod input;

use bytes::Bytes;
use futures_core::Stream;

pub use file::MultipartFile;

use crate::parse::Params;
use crate::parse::target::{Decoding, into_text};
use crate::{HttpError, Limits};
use file::Spool;
use head::{FieldValue, Head};
use input::Input;

/// The longest boundary that RFC 2046 section 5.1.1 allows.
const BOUNDARY_BYTES: usize = 70;

/// Adds the fields and files of a multipart body to `into`, in order of appearance.
///
/// `content_type` is the value of the request's `Content-Type` field; of `decoding` only `strict` matters, for names
/// and text values that are not UTF-8. Part header fields may come in any order; a file is a part with a file name,
/// though it be empty.
///
/// Fails with 400 on malformed input, including a body without a final boundary, and with more parts or parameters
/// than `limits` allows; with 413 if the body is longer than `limits.upload` or its text values together are longer
/// than `limits.body`; with 500 if a file cannot be spooled. Errors of `body` are passed on.
pub(crate) async fn parse_multipart<S>(
    body: S,
    content_type: &str,
    limits: &Limits,
    decoding: Decoding,
    into: &mut Params,
) -> Result<(), HttpError>
where
    S: Stream<Item = Result<Bytes, HttpError>> + Unpin,
{
    let mut input = Input::new(body, &boundary(content_type)?, limits.upload);
    let mut parts = 0;
    let mut text_room = limits.body;
    input.skip_preamble().await?;
    while let Some(fields) = input.next_part().await? {
        parts += 1;
        if parts > limits.parts {
            return Err(HttpError::bad_request(format!("A form may have at most {} parts.", limits.parts)));
        }
        into.check_room(limits.parameters)?;
        let head = Head::parse(&fields, decoding)?;
        if head.filename.is_some() {
            into.append_file(read_file(&mut input, head, limits.spool_bytes).await?);
        } else {
            let text = read_text(&mut input, &head.name, text_room, decoding).await?;
            text_room = text_room.saturating_sub(text.len());
            into.append(&head.name, &text);
        }
    }
    input.skip_epilogue().await
}

/// The boundary that the content type names.
fn boundary(content_type: &str) -> Result<String, HttpError> {
    let boundary = FieldValue::parse(content_type)
        .and_then(|mut value| value.take("boundary"))
        .map_err(|problem| HttpError::bad_request(format!("The content type of a form {problem}.")))?
        .ok_or_else(|| HttpError::bad_request("The content type of a form should have a boundary."))?;
    let allowed = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    if boundary.is_empty() || boundary.len() > BOUNDARY_BYTES || !boundary.bytes().all(allowed) {
        return Err(HttpError::bad_request(format!(
            "The boundary of a form should be 1 to {BOUNDARY_BYTES} visible ASCII characters."
        )));
    }
    Ok(boundary)
}

async fn read_text<S>(
    input: &mut Input<S>,
    name: &str,
    room: usize,
    decoding: Decoding,
) -> Result<String, HttpError>
where
    S: Stream<Item = Result<Bytes, HttpError>> + Unpin,
{
    let mut text = Vec::new();
    while let Some(piece) = input.content().await? {
        if piece.len() > room - text.len() {
            return Err(HttpError::new(413)
                .explain(format!("Parameter[{name}] makes the texts of the form too long.")));
        }
        text.extend_from_slice(&piece);
    }
    into_text(text, decoding)
        .ok_or_else(|| HttpError::bad_request(format!("Parameter[{name}] is not valid UTF-8.")))
}

async fn read_file<S>(
    input: &mut Input<S>,
    head: Head,
    spool_bytes: usize,
) -> Result<MultipartFile, HttpError>
where
    S: Stream<Item = Result<Bytes, HttpError>> + Unpin,
{
    let mut spool = Spool::new(spool_bytes);
    while let Some(piece) = input.content().await? {
        spool.write(&piece).await.map_err(not_stored)?;
    }
    let content = spool.finish().await.map_err(not_stored)?;
    Ok(MultipartFile::new(head.name, head.filename.unwrap_or_default(), head.content_type, content))
}

fn not_stored(error: std::io::Error) -> HttpError {
    tracing::error!("an uploaded file could not be spooled to the temporary directory: {error}");
    HttpError::new(500).explain("The uploaded file could not be stored.")
}

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod pieces;
#[cfg(test)]
mod tests;
