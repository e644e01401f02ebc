//! Which certificate a client sees.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::accept::tls::pair::Certificate;

/// Certificates by the names in them.
#[derive(Debug)]
pub(super) struct Resolver {
    by_name: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// For clients that ask for another name or none: the first, and others for the same names.
    default: Vec<Arc<CertifiedKey>>,
}

impl Resolver {
    pub(super) fn new<'c>(certificates: impl Iterator<Item = &'c Certificate> + Clone) -> Self {
        let mut by_name: HashMap<_, Vec<_>> = HashMap::new();
        for certificate in certificates.clone() {
            for name in &certificate.names {
                by_name.entry(name.clone()).or_default().push(Arc::clone(&certificate.certified));
            }
        }
        let first = certificates.clone().next().map(|first| first.names.as_slice());
        let like_first = certificates.filter(|certificate| Some(certificate.names.as_slice()) == first);
        Resolver { by_name, default: like_first.map(|like| Arc::clone(&like.certified)).collect() }
    }

    /// The certificates for a name; a name of its own goes before one with a star.
    fn for_name(&self, name: &str) -> &[Arc<CertifiedKey>] {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if let Some(found) = self.by_name.get(&name) {
            return found;
        }
        // the star is the whole first label and stands for exactly one (RFC 9525 section 6.3)
        let starred = name.split_once('.').map(|(_, rest)| format!("*.{rest}"));
        starred.and_then(|starred| self.by_name.get(&starred)).unwrap_or(&self.default)
    }

    fn choose(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let candidates = name.map_or(&self.default[..], |name| self.for_name(name));
        let verifiable = candidates.iter().find(|candidate| candidate.key.choose_scheme(schemes).is_some());
        verifiable.or(candidates.first()).cloned()
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name(), hello.signature_schemes())
    }
}
