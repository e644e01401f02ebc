//! TLS: what a user says about it, and what becomes of that.
//!
//! rustls is named in this folder, in `stream.rs` and nowhere else. The handshake runs in the task of its connection, so
//! a slow one holds up nobody (`spec/08` SV-3).

#[cfg(feature = "tls-development")]
mod development;
mod encrypted;
mod handshake;
mod info;
mod keeper;
mod names;
mod pair;
mod resolver;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;

use crate::error::StartErrorKind;
use crate::{Error, Result};

pub use info::TlsInfo;

pub(crate) use handshake::secure;
pub(crate) use keeper::Keeper;

use pair::{Authorities, Input, Pair};

/// How the server proves who it is: its certificates, and what it asks of clients.
///
/// TLS 1.2 and 1.3 are spoken, sessions are resumed by tickets, there is no early data (RFC 8446 section 8: it could be
/// replayed).
///
/// | setting | default |
/// |---|---|
/// | [`password`](Tls::password) | none: the key is not encrypted |
/// | [`and`](Tls::and) | one certificate for every name |
/// | [`client_certificates`](Tls::client_certificates) | clients are not asked for one |
/// | [`reload_interval`](Tls::reload_interval) | 10 s |
///
/// ```no_run
/// use vernal::{Server, Tls};
///
/// let tls = Tls::from_files("example.org.pem", "example.org.key").password("open sesame");
/// Server::new().port(443).tls(tls).redirect_http(80).start()?;
/// # Ok::<(), vernal::Error>(())
/// ```
pub struct Tls {
    pairs: Vec<Pair>,
    clients: Option<Authorities>,
    own: Option<Arc<ServerConfig>>,
    reload_interval: Duration,
    mistakes: Vec<String>,
}

impl Tls {
    fn new(pairs: Vec<Pair>) -> Self {
        Tls {
            pairs,
            clients: None,
            own: None,
            reload_interval: Duration::from_secs(10),
            mistakes: Vec::new(),
        }
    }

    /// A certificate and its key in PEM files.
    ///
    /// The certificate's file has the server's own certificate first, then those between it and the authority. The key
    /// is in the form of PKCS#8, PKCS#1 (RSA) or SEC1 (elliptic curves), and may be encrypted: see
    /// [`password`](Tls::password). Both may be in one file.
    ///
    /// The files are watched: see [`reload_interval`](Tls::reload_interval).
    pub fn from_files(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Tls::new(vec![Pair::new(Input::File(certificate.into()), Input::File(key.into()))])
    }

    /// A certificate and its key as PEM texts; otherwise as [`from_files`](Tls::from_files).
    pub fn from_pem(certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Tls::new(vec![Pair::new(Input::Bytes(certificate.into()), Input::Bytes(key.into()))])
    }

    /// A configuration of one's own, for what the other settings don't offer.
    ///
    /// It is used as it is, but for `alpn_protocols`: where that is empty, it becomes what the server speaks. The crate
    /// is at hand as [`vernal::rustls`](crate::rustls).
    pub fn from_config(config: Arc<ServerConfig>) -> Self {
        Tls { own: Some(config), ..Tls::new(Vec::new()) }
    }

    /// A certificate for these names that the developer's browser will warn about once, then know again.
    ///
    /// It is signed by itself and kept, with its key, in `target/tls-development` of the project that the program is
    /// run in, else in `vernal/tls-development` of the user's cache folder; the key is readable by the user alone. A
    /// name may also be an IP address.
    ///
    /// ```no_run
    /// use vernal::{Server, Tls};
    ///
    /// Server::new().port(9443).tls(Tls::development(["localhost", "127.0.0.1"])).start()?;
    /// # Ok::<(), vernal::Error>(())
    /// ```
    #[cfg(feature = "tls-development")]
    pub fn development(names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        match development::files(names.into_iter().map(Into::into).collect()) {
            Ok((certificate, key)) => Tls::from_files(certificate, key),
            Err(mistake) => Tls { mistakes: vec![mistake], ..Tls::new(Vec::new()) },
        }
    }

    /// The password of the last certificate's key; one that the key does not need does no harm.
    ///
    /// What is understood: PKCS#8 (`ENCRYPTED PRIVATE KEY`) with PBES2, that is, PBKDF2 or scrypt and AES or triple
    /// DES, and the older encryption of PEM (`Proc-Type: 4,ENCRYPTED`) with AES or triple DES in CBC mode.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        match self.pairs.last_mut() {
            Some(pair) => pair.password = Some(password.into()),
            None => self.mistakes.push("password() is for a key in PEM, and there is none".to_owned()),
        }
        self
    }

    /// Adds the certificates of another `Tls`.
    ///
    /// Which one a client sees depends on the name it asks for (SNI, RFC 6066 section 3) and on the names in the
    /// certificates: a whole name goes before `*.example.org`, whose star stands for exactly one label (RFC 9525
    /// section 6.3). Several for one name, with keys of different kinds, are fine: the client gets the first that it
    /// can verify. The very first certificate is for clients that ask for another name or none.
    ///
    /// ```
    /// use vernal::Tls;
    ///
    /// let tls = Tls::from_files("example.org.pem", "example.org.key")
    ///     .and(Tls::from_files("example.net.pem", "example.net.key").password("open sesame"));
    /// ```
    pub fn and(mut self, other: Tls) -> Self {
        if self.own.is_some() || other.own.is_some() {
            self.mistakes.push("and() cannot add to a configuration of one's own".to_owned());
        }
        if other.clients.is_some() {
            let mistake =
                "client certificates are asked for before the name is known: set them on the first Tls";
            self.mistakes.push(mistake.to_owned());
        }
        self.pairs.extend(other.pairs);
        self.mistakes.extend(other.mistakes);
        self
    }

    /// Only clients with a certificate of one of these authorities (a PEM file) come through the handshake.
    ///
    /// A controller sees the certificate through [`Request::tls`](crate::Request::tls).
    pub fn client_certificates(self, authorities: impl Into<PathBuf>) -> Self {
        self.ask_clients(authorities.into(), true)
    }

    /// Clients may show a certificate of one of these authorities (a PEM file); one that no authority has signed still
    /// ends the handshake.
    pub fn client_certificates_optional(self, authorities: impl Into<PathBuf>) -> Self {
        self.ask_clients(authorities.into(), false)
    }

    fn ask_clients(mut self, authorities: PathBuf, required: bool) -> Self {
        if self.own.is_some() {
            let mistake = "a configuration of one's own says itself what it asks of clients";
            self.mistakes.push(mistake.to_owned());
        }
        self.clients = Some(Authorities { input: Input::File(authorities), required });
        self
    }

    /// How often the server looks whether its files have changed: 10 seconds by default, zero for never.
    ///
    /// What has changed is read again, and new connections use it; those that exist go on. A certificate that cannot be
    /// used, or does not belong to its key because only one of them has been replaced so far, is refused: the log says
    /// why, and the old one stays. A file counts as changed when its size, time or place on the disk is another, links
    /// followed. [`Handle::reload_tls`](crate::Handle::reload_tls) does not wait.
    pub fn reload_interval(mut self, interval: Duration) -> Self {
        self.reload_interval = interval;
        self
    }

    /// Reads the files.
    ///
    /// # Errors
    ///
    /// A start-up error that names the file, what is wrong with it and what was wanted.
    pub(crate) fn load(self, protocols: &[&[u8]]) -> Result<Arc<Keeper>> {
        if let Some(mistake) = self.mistakes.first() {
            return Err(refused(mistake));
        }
        let protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let keeper = match self.own {
            Some(config) => Keeper::of(config, protocols),
            None => Keeper::load(self.pairs, self.clients, self.reload_interval, protocols),
        };
        keeper.map(Arc::new).map_err(|mistake| refused(&mistake))
    }
}

/// Paths only, no key and no password.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let certificates = self.pairs.iter().map(|pair| pair.certificate.named("certificate"));
        f.debug_struct("Tls")
            .field("certificates", &certificates.collect::<Vec<_>>())
            .field("reload_interval", &self.reload_interval)
            .finish_non_exhaustive()
    }
}

fn refused(mistake: &str) -> Error {
    Error::start(StartErrorKind::Configuration, format!("TLS: {mistake}"))
}
