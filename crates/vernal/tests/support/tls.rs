//! An authority, certificates of it, and clients that trust it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;
use vernal::rustls;

use super::Wire;

pub type Secured = StreamOwned<ClientConnection, TcpStream>;

/// Signs certificates, and has a folder for them.
pub struct Authority {
    pub folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key as PEM.
#[derive(Clone)]
pub struct Issued {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new(name: &str) -> Authority {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(parameters, key).expect("an authority");
        Authority { folder: tempfile::tempdir().expect("a folder"), issuer }
    }

    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    pub fn issue(&self, names: &[&str]) -> Issued {
        self.issue_with(names, |_| {})
    }

    pub fn issue_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Issued {
        self.issue_for(KeyPair::generate().expect("a key"), names, change)
    }

    /// A certificate for a key that is there already.
    pub fn issue_for(
        &self,
        key: KeyPair,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Issued {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let common_name = names.first().cloned().unwrap_or_default();
        let mut parameters = CertificateParams::new(names).expect("names");
        parameters.distinguished_name.push(DnType::CommonName, common_name);
        change(&mut parameters);
        let certificate = parameters.signed_by(&key, &self.issuer).expect("a certificate");
        Issued { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// Writes a file into the folder.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).expect("a file");
        path
    }

    /// Writes a certificate and its key into the folder.
    pub fn write_pair(&self, stem: &str, issued: &Issued) -> (PathBuf, PathBuf) {
        let certificate = self.write(&format!("{stem}.pem"), &issued.certificate);
        (certificate, self.write(&format!("{stem}.key"), &issued.key))
    }

    /// A client that trusts this authority.
    pub fn client(&self) -> Arc<ClientConfig> {
        Arc::new(self.trusting().with_no_client_auth())
    }

    /// A client that trusts another one, too.
    pub fn trusting_also(&self, other: &Authority) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        for authority in [self, other] {
            roots.add(authority.issuer.der().clone()).expect("an authority");
        }
        Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
    }

    /// A client that shows a certificate.
    pub fn client_with(&self, issued: &Issued) -> Arc<ClientConfig> {
        let chain = CertificateDer::pem_slice_iter(issued.certificate.as_bytes());
        let chain = chain.collect::<Result<_, _>>().expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).expect("a key");
        Arc::new(self.trusting().with_client_auth_cert(chain, key).expect("a certificate of one's own"))
    }

    pub fn trusting(&self) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
        self.trusting_with(rustls::ALL_VERSIONS)
    }

    pub fn trusting_with(
        &self,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).expect("an authority");
        ClientConfig::builder_with_protocol_versions(versions).with_root_certificates(roots)
    }
}

/// Shakes hands with a server that has to be of this name.
pub fn shake(address: SocketAddr, name: &str, client: &Arc<ClientConfig>) -> io::Result<Wire<Secured>> {
    let stream = Wire::connect(address).stream;
    let name = name.to_owned().try_into().expect("a name");
    let connection = ClientConnection::new(Arc::clone(client), name).expect("a client");
    let mut stream = StreamOwned::new(connection, stream);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(Wire::over(stream))
}

/// The same target, asked for once.
pub fn get(address: SocketAddr, name: &str, client: &Arc<ClientConfig>, target: &str) -> io::Result<String> {
    let mut wire = shake(address, name, client)?;
    // a refusal of the client's certificate comes after the client's part of the handshake
    wire.stream.write_all(format!("GET {target} HTTP/1.1\r\nHost: {name}\r\n\r\n").as_bytes())?;
    wire.stream.conn.complete_io(&mut wire.stream.sock)?;
    let mut first = [0];
    wire.stream.read_exact(&mut first)?;
    let mut wire = Wire::over(After { first: Some(first[0]), stream: wire.stream });
    Ok(wire.answer().text().to_owned())
}

/// A stream whose first byte has been read.
struct After {
    first: Option<u8>,
    stream: Secured,
}

impl Read for After {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.first.take() {
            Some(byte) => {
                buffer[0] = byte;
                Ok(1)
            }
            None => self.stream.read(buffer),
        }
    }
}

impl Write for After {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Runs `openssl` in a folder.
pub fn openssl(folder: &Path, arguments: &str) -> String {
    let run = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output();
    let output = run.expect("openssl is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
