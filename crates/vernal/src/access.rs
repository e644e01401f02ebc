//! The access log: a line for each request, when it is switched on.

use std::fmt::Display;
use std::time::Instant;

use http_body::Body as _;

use crate::request::Request;
use crate::respond::OutgoingBody;

/// A request that is to be logged.
pub(crate) struct Access {
    began: Instant,
}

impl Access {
    /// Begins a line, if it is wanted and there is somebody who reads it.
    pub(crate) fn begin(is_wanted: bool) -> Option<Self> {
        let is_read = is_wanted && tracing::enabled!(target: "vernal::access", tracing::Level::INFO);
        is_read.then(|| Access { began: Instant::now() })
    }

    /// Writes the line: who asked for what, what was answered, and how long it took to the first byte.
    pub(crate) fn end(self, request: &Request, sent: &http::Response<OutgoingBody>) {
        match request.prefix() {
            "" => self.write(request, &request.method, request.uri(), sent),
            prefix => {
                let rest = request.uri().path_and_query().map_or("", |rest| rest.as_str());
                self.write(request, &request.method, &format_args!("{prefix}{rest}"), sent);
            }
        }
    }

    /// Writes the line of what was no request, and so has neither method nor target.
    pub(crate) fn end_refused(self, request: &Request, sent: &http::Response<OutgoingBody>) {
        self.write(request, &"-", &"-", sent);
    }

    fn write(
        self,
        request: &Request,
        method: &dyn Display,
        target: &dyn Display,
        sent: &http::Response<OutgoingBody>,
    ) {
        let peer = request.peer_addr().map_or_else(|| "-".to_owned(), |peer| peer.to_string());
        let client = request.client_ip().map_or_else(|| "-".to_owned(), |client| client.to_string());
        tracing::info!(
            target: "vernal::access",
            client,
            peer,
            method = %method,
            target = %target,
            version = ?request.version(),
            status = sent.status().as_u16(),
            bytes = sent.body().size_hint().exact(),
            microseconds = self.began.elapsed().as_micros() as u64,
        );
    }
}
