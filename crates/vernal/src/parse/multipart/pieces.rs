//! Bodies in pieces, and what is promised of them: for the tests and for `fuzz/`.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::*;

/// A body in the given pieces.
pub(crate) struct Chunks(VecDeque<Bytes>);

impl Chunks {
    /// `body` cut into pieces of `length` bytes.
    pub(crate) fn of(body: &[u8], length: usize) -> Self {
        let body = Bytes::copy_from_slice(body);
        let starts = (0..body.len()).step_by(length);
        Chunks(starts.map(|start| body.slice(start..body.len().min(start + length))).collect())
    }

    /// `body` cut at the given places.
    pub(crate) fn cut(body: &[u8], places: &[usize]) -> Self {
        let mut rest = Bytes::copy_from_slice(body);
        let mut chunks: VecDeque<_> =
            places.iter().map(|place| rest.split_to(place % (rest.len() + 1))).collect();
        chunks.push_back(rest);
        Chunks(chunks)
    }
}

impl Stream for Chunks {
    type Item = Result<Bytes, HttpError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }
}

pub(crate) async fn parse(chunks: Chunks, content_type: &str, limits: &Limits) -> Result<Params, HttpError> {
    let mut params = Params::new();
    parse_multipart(chunks, content_type, limits, Decoding::default(), &mut params).await.map(|()| params)
}

/// Each value as name, file name and content.
pub(crate) async fn described(params: &Params) -> Vec<(String, Option<String>, Bytes)> {
    let mut values = Vec::new();
    for (name, value) in params.iter() {
        values.push(match value {
            crate::ParamValue::Text(text) => (name.to_owned(), None, Bytes::copy_from_slice(text.as_bytes())),
            crate::ParamValue::File(file) => {
                (name.to_owned(), Some(file.filename().to_owned()), file.bytes().await.expect("bytes"))
            }
        });
    }
    values
}

/// Panics unless the body means the same however it is cut and wherever its files are kept, or is refused as the
/// client's mistake; and unless all that was read was in it.
pub(crate) async fn check(body: &[u8], content_type: &str, places: &[usize], spool_bytes: usize) {
    let limits = Limits::default();
    let whole = parse(Chunks::of(body, body.len().max(1)), content_type, &limits).await;
    let spooled = limits.clone().spool_bytes(spool_bytes);
    for chunks in [Chunks::of(body, 1), Chunks::cut(body, places)] {
        match (&whole, parse(chunks, content_type, &spooled).await) {
            (Ok(whole), Ok(cut)) => assert_eq!(described(whole).await, described(&cut).await),
            (Err(whole), Err(cut)) => assert_eq!(*whole, cut),
            (whole, cut) => panic!("{whole:?} is not {cut:?}"),
        }
    }
    match whole {
        Ok(params) => {
            let bytes = described(&params).await.into_iter().map(|(_, filename, content)| match filename {
                Some(_) => content.len(),
                // bytes that are not UTF-8 become a character of three bytes
                None => content.len().div_ceil(3),
            });
            assert!(bytes.sum::<usize>() <= body.len(), "more was read than there is");
        }
        Err(error) => {
            assert!(matches!(error.code(), 400 | 413), "{error:?}");
            assert!(!error.explain_text().is_empty());
        }
    }
}
