//! Certificates, their keys and authorities, from PEM.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::{CertifiedKey, SigningKey};
use rustls::{InconsistentKeys, RootCertStore};

use crate::accept::tls::encrypted;
use crate::accept::tls::names::Subject;

/// Where a PEM text is.
pub(super) enum Input {
    File(PathBuf),
    Bytes(Vec<u8>),
}

impl Input {
    /// How errors call it.
    pub(super) fn named(&self, what: &str) -> String {
        match self {
            Input::File(path) => format!("the {what} file {:?}", path.display().to_string()),
            Input::Bytes(_) => format!("the {what} given as text"),
        }
    }

    fn path(&self) -> Option<&Path> {
        match self {
            Input::File(path) => Some(path),
            Input::Bytes(_) => None,
        }
    }

    fn read(&self, what: &str) -> Result<Vec<u8>, String> {
        let content = match self {
            Input::File(path) => std::fs::read(path)
                .map_err(|error| format!("{} cannot be read: {error}", self.named(what)))?,
            Input::Bytes(bytes) => bytes.clone(),
        };
        match content.trim_ascii().is_empty() {
            true => Err(format!("{} is empty", self.named(what))),
            false => Ok(content),
        }
    }

    /// The certificates in it, at least one.
    fn certificates(&self, what: &str) -> Result<Vec<CertificateDer<'static>>, String> {
        let content = self.read(what)?;
        let certificates = CertificateDer::pem_slice_iter(&content)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| unsound(&self.named(what), &error))?;
        match certificates.is_empty() {
            true => {
                Err(format!("{} has no certificate in PEM (-----BEGIN CERTIFICATE-----)", self.named(what)))
            }
            false => Ok(certificates),
        }
    }
}

fn unsound(name: &str, error: &PemError) -> String {
    match error {
        PemError::MissingSectionEnd { .. } => format!("{name} is no sound PEM: a section in it has no end"),
        error => format!("{name} is no sound PEM: {error}"),
    }
}

/// Something that is read from files, at the start and whenever they have changed.
pub(super) trait Source: Send + Sync + 'static {
    type Loaded: Clone + Send + Sync + 'static;

    fn paths(&self) -> Vec<&Path>;

    /// # Errors
    ///
    /// What is wrong with which file.
    fn load(&self) -> Result<Self::Loaded, String>;
}

/// A certificate and its key.
pub(super) struct Pair {
    pub(super) certificate: Input,
    key: Input,
    pub(super) password: Option<String>,
}

/// A certificate that may be used, and the names it is for.
#[derive(Clone)]
pub(super) struct Certificate {
    pub(super) certified: Arc<CertifiedKey>,
    pub(super) names: Vec<String>,
}

impl Pair {
    pub(super) fn new(certificate: Input, key: Input) -> Self {
        Pair { certificate, key, password: None }
    }

    fn signing_key(&self) -> Result<Arc<dyn SigningKey>, String> {
        let key = self.key.named("key");
        let content = self.key.read("key")?;
        let der = match encrypted::find(&content) {
            Some(locked) => {
                let password = self.password.as_deref();
                let password =
                    password.ok_or_else(|| format!("{key} is encrypted: its password is wanted"))?;
                locked.unlock(password).map_err(|reason| format!("{key} cannot be decrypted: {reason}"))?
            }
            None => PrivateKeyDer::from_pem_slice(&content).map_err(|error| match error {
                PemError::NoItemsFound => {
                    format!("{key} has no private key in PEM (PKCS#8, PKCS#1 or SEC1)")
                }
                error => unsound(&key, &error),
            })?,
        };
        aws_lc_rs::sign::any_supported_type(&der).map_err(|_| {
            format!("{key} has a key that is neither RSA (2048 bits and more), ECDSA nor Ed25519")
        })
    }
}

impl Source for Pair {
    type Loaded = Certificate;

    fn paths(&self) -> Vec<&Path> {
        [&self.certificate, &self.key].into_iter().filter_map(Input::path).collect()
    }

    fn load(&self) -> Result<Certificate, String> {
        let chain = self.certificate.certificates("certificate")?;
        let key = self.signing_key()?;
        let certified = CertifiedKey::new(chain, key);
        let (certificate, key) = (self.certificate.named("certificate"), self.key.named("key"));
        match certified.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(rustls::Error::InconsistentKeys(_)) => {
                return Err(format!(
                    "the key in {key} does not belong to the first certificate in {certificate}"
                ));
            }
            Err(error) => return Err(format!("{certificate} has an unusable certificate: {error}")),
        }
        let subject = Subject::of(&certified.cert[0])
            .map_err(|error| format!("{certificate} has an unusable certificate: {error}"))?;
        let now = SystemTime::now();
        if now > subject.not_after {
            let since = httpdate::fmt_http_date(subject.not_after);
            tracing::warn!(since, "{certificate} has expired: clients will refuse it");
        } else if now < subject.not_before {
            let from = httpdate::fmt_http_date(subject.not_before);
            tracing::warn!(from, "{certificate} is not valid yet: clients will refuse it");
        }
        Ok(Certificate { certified: Arc::new(certified), names: subject.names })
    }
}

/// The authorities whose clients are known.
pub(super) struct Authorities {
    pub(super) input: Input,
    pub(super) required: bool,
}

impl Source for Authorities {
    type Loaded = Arc<dyn ClientCertVerifier>;

    fn paths(&self) -> Vec<&Path> {
        self.input.path().into_iter().collect()
    }

    fn load(&self) -> Result<Self::Loaded, String> {
        let unusable = |error: &dyn std::fmt::Display| {
            format!("{} has an unusable certificate: {error}", self.input.named("authorities"))
        };
        let mut roots = RootCertStore::empty();
        for certificate in self.input.certificates("authorities")? {
            roots.add(certificate).map_err(|error| unusable(&error))?;
        }
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
        let builder = if self.required { builder } else { builder.allow_unauthenticated() };
        builder.build().map_err(|error| unusable(&error))
    }
}

/// The library that computes. Named wherever rustls would otherwise look for the process's own, which may be another.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
