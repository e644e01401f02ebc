//! What a request can say about the TLS below it.

use std::fmt;

use rustls::pki_types::CertificateDer;
use rustls::{HandshakeKind, ProtocolVersion, ServerConnection, SupportedCipherSuite};

use crate::accept::tls::names;

/// What the handshake of a connection came to; from [`Request::tls`](crate::Request::tls).
///
/// ```
/// use vernal::{HttpError, Request};
///
/// fn visitor(request: &Request) -> Result<&str, HttpError> {
///     let tls = request.tls().ok_or(HttpError::new(403).explain("come through HTTPS"))?;
///     tls.client_common_name().ok_or(HttpError::new(403).explain("show your certificate"))
/// }
///
/// assert!(visitor(&Request::new("GET", "/")).is_err());
/// ```
pub struct TlsInfo {
    version: Option<ProtocolVersion>,
    suite: Option<SupportedCipherSuite>,
    server_name: Option<Box<str>>,
    protocol: Option<Box<[u8]>>,
    is_resumed: bool,
    client: Option<Box<Client>>,
}

struct Client {
    certificates: Vec<CertificateDer<'static>>,
    common_name: Option<String>,
}

impl TlsInfo {
    /// Of a connection whose handshake is over.
    pub(super) fn of(connection: &ServerConnection) -> Self {
        let client = connection.peer_certificates().filter(|chain| !chain.is_empty()).map(|chain| Client {
            certificates: chain.iter().map(|certificate| certificate.clone().into_owned()).collect(),
            common_name: names::common_name(&chain[0]),
        });
        TlsInfo {
            version: connection.protocol_version(),
            suite: connection.negotiated_cipher_suite(),
            server_name: connection.server_name().map(Box::from),
            protocol: connection.alpn_protocol().map(Box::from),
            is_resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
            client: client.map(Box::new),
        }
    }

    /// `TLSv1.2` or `TLSv1.3`.
    pub fn version(&self) -> &'static str {
        match self.version {
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
            _ => "TLSv1.2",
        }
    }

    /// The cipher suite by its registered name, such as `TLS_AES_256_GCM_SHA384`.
    pub fn cipher_suite(&self) -> String {
        let name = self.suite.and_then(|suite| suite.suite().as_str()).unwrap_or_default();
        name.replacen("TLS13_", "TLS_", 1)
    }

    /// The host name that the client asked for (SNI), in lower case; none if it gave an address.
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// The protocol that client and server agreed on (ALPN, RFC 7301), such as `http/1.1`.
    pub fn protocol(&self) -> Option<&[u8]> {
        self.protocol.as_deref()
    }

    /// Whether the connection took up an earlier one, which saves the proof of who is who.
    pub fn is_resumed(&self) -> bool {
        self.is_resumed
    }

    /// The certificates of the client in DER, its own first; empty if it has shown none. They have been verified.
    pub fn client_certificates(&self) -> &[CertificateDer<'static>] {
        self.client.as_ref().map_or(&[], |client| &client.certificates)
    }

    /// The common name of the client's certificate.
    pub fn client_common_name(&self) -> Option<&str> {
        self.client.as_ref()?.common_name.as_deref()
    }
}

impl fmt::Debug for TlsInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsInfo")
            .field("version", &self.version())
            .field("cipher_suite", &self.cipher_suite())
            .field("server_name", &self.server_name())
            .field("protocol", &self.protocol().map(String::from_utf8_lossy))
            .field("is_resumed", &self.is_resumed)
            .field("client_common_name", &self.client_common_name())
            .finish()
    }
}
