//! The body of a request, as it arrives on its stream.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use http_body::{Frame, SizeHint};
use tokio::sync::oneshot;

/// The body of a request. What is read makes room for as much again, on the stream and on the connection.
pub(super) struct Arriving {
    stream: RecvStream,
    length: Option<u64>,
    /// Told when the body is first asked for, where the client waits for that.
    wanted: Option<oneshot::Sender<()>>,
}

impl Arriving {
    pub(super) fn new(stream: RecvStream, length: Option<u64>, wanted: Option<oneshot::Sender<()>>) -> Self {
        Arriving { stream, length, wanted }
    }
}

impl http_body::Body for Arriving {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        if let Some(wanted) = self.wanted.take() {
            // nobody hears it where the answer is on its way already
            let _ = wanted.send(());
        }
        let Some(data) = ready!(self.stream.poll_data(context)) else {
            // trailers may say that the request is malformed
            let trailers = ready!(self.stream.poll_trailers(context));
            return Poll::Ready(trailers.err().map(Err));
        };
        let data = data?;
        self.stream.flow_control().release_capacity(data.len())?;
        self.length = self.length.map(|length| length.saturating_sub(data.len() as u64));
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
