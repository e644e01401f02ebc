//! What stands in a certificate: whose it is, and from when to when (RFC 5280).

use std::time::SystemTime;

use rustls::pki_types::CertificateDer;
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// What a server has to know about its own certificate.
pub(super) struct Subject {
    /// Host names in lower case, perhaps with `*` as the first label.
    pub(super) names: Vec<String>,
    pub(super) not_before: SystemTime,
    pub(super) not_after: SystemTime,
}

impl Subject {
    /// # Errors
    ///
    /// For bytes that are no certificate.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Result<Self, String> {
        let certificate = parse(certificate).ok_or("it is not as RFC 5280 wants it")?;
        let subject = certificate.tbs_certificate();
        // the common name is not looked at: no client has for years (RFC 9525 section 2)
        let names = match subject.get_extension::<SubjectAltName>() {
            Ok(Some((_, SubjectAltName(names)))) => names.iter().filter_map(host_name).collect(),
            _ => Vec::new(),
        };
        let validity = subject.validity();
        Ok(Subject {
            names,
            not_before: validity.not_before.to_system_time(),
            not_after: validity.not_after.to_system_time(),
        })
    }
}

/// The common name of a certificate's subject.
pub(super) fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let certificate = parse(certificate)?;
    let name = certificate.tbs_certificate().subject().common_name().ok()??;
    Some(name.value().into_owned())
}

/// Takes certificates with peculiarities, such as serial numbers of too many bytes: who may use which is decided by the
/// library that verifies.
fn parse(certificate: &CertificateDer<'_>) -> Option<CertificateInner<Raw>> {
    CertificateInner::<Raw>::from_der(certificate).ok()
}

fn host_name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.as_str().trim_end_matches('.').to_ascii_lowercase()),
        _ => None,
    }
}
