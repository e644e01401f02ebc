//! The configuration that new connections use, and its renewal when files change.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::Ticketer;

use crate::Result;
use crate::accept::tls::pair::{Authorities, Pair, Source, provider};
use crate::accept::tls::refused;
use crate::accept::tls::resolver::Resolver;

/// Keeps the configuration, and what it was made of.
pub(crate) struct Keeper {
    config: RwLock<Arc<ServerConfig>>,
    /// None where the configuration is the user's own.
    parts: Option<Mutex<Parts>>,
    protocols: Vec<Vec<u8>>,
    interval: Duration,
}

struct Parts {
    pairs: Vec<Watched<Pair>>,
    clients: Option<Watched<Authorities>>,
}

impl Keeper {
    /// # Errors
    ///
    /// What is wrong with which file.
    pub(super) fn load(
        pairs: Vec<Pair>,
        clients: Option<Authorities>,
        interval: Duration,
        protocols: Vec<Vec<u8>>,
    ) -> Result<Self, String> {
        let pairs = pairs.into_iter().map(Watched::load).collect::<Result<Vec<_>, _>>()?;
        if let Some(nameless) = pairs.iter().skip(1).find(|pair| pair.current.names.is_empty()) {
            let certificate = nameless.source.certificate.named("certificate");
            return Err(format!(
                "{certificate} names no host (a DNS name in subjectAltName), so no client gets it"
            ));
        }
        let parts = Parts { pairs, clients: clients.map(Watched::load).transpose()? };
        let config = RwLock::new(Arc::new(parts.config(&protocols)?));
        Ok(Keeper { config, parts: Some(Mutex::new(parts)), protocols, interval })
    }

    /// # Errors
    ///
    /// If the configuration offers a protocol that the server does not speak.
    pub(super) fn of(mut config: Arc<ServerConfig>, protocols: Vec<Vec<u8>>) -> Result<Self, String> {
        if let Some(unknown) = config.alpn_protocols.iter().find(|protocol| !protocols.contains(protocol)) {
            let unknown = String::from_utf8_lossy(unknown);
            return Err(format!("alpn_protocols offers {unknown:?}, which this server does not speak"));
        }
        if config.alpn_protocols.is_empty() {
            Arc::make_mut(&mut config).alpn_protocols = protocols;
        }
        Ok(Keeper {
            config: RwLock::new(config),
            parts: None,
            protocols: Vec::new(),
            interval: Duration::ZERO,
        })
    }

    /// What a new connection uses.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads everything again.
    ///
    /// # Errors
    ///
    /// The reasons why something was refused; the rest is in use all the same.
    pub(crate) fn reload(&self) -> Result<()> {
        self.renew(|_| true)
    }

    /// Looks for changed files, again and again.
    pub(crate) async fn watch(self: Arc<Self>) {
        while !self.interval.is_zero() && self.parts.is_some() {
            tokio::time::sleep(self.interval).await;
            let keeper = Arc::clone(&self);
            // a key's password may be made to take a second to try
            let renewal = tokio::task::spawn_blocking(move || keeper.renew(|has_changed| has_changed));
            if let Err(error) = renewal.await {
                tracing::error!(%error, "the certificates could not be looked at");
            }
        }
    }

    /// Loads what is chosen by whether its files have changed.
    fn renew(&self, is_chosen: impl Fn(bool) -> bool) -> Result<()> {
        let Some(parts) = &self.parts else { return Ok(()) };
        let mut parts = parts.lock().unwrap_or_else(PoisonError::into_inner);
        let Parts { pairs, clients } = &mut *parts;
        let mut outcomes: Vec<_> = pairs.iter_mut().filter_map(|pair| pair.renew(&is_chosen)).collect();
        outcomes.extend(clients.as_mut().and_then(|clients| clients.renew(&is_chosen)));
        if outcomes.is_empty() {
            return Ok(());
        }
        let mut reasons: Vec<_> =
            outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).cloned().collect();
        if reasons.len() < outcomes.len() {
            match parts.config(&self.protocols) {
                Ok(config) => {
                    *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
                    tracing::info!("TLS: certificates were read again; new connections use them");
                }
                Err(reason) => reasons.push(reason),
            }
        }
        for reason in &reasons {
            tracing::error!("TLS: {reason}; what was in use stays in use");
        }
        if reasons.is_empty() { Ok(()) } else { Err(refused(&reasons.join("; "))) }
    }
}

impl Parts {
    /// A configuration of what there is now. Its tickets open no other: who was known to authorities that have been
    /// replaced is not known any more.
    fn config(&self, protocols: &[Vec<u8>]) -> Result<ServerConfig, String> {
        let certificates = self.pairs.iter().map(|pair| &pair.current);
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let builder = match &self.clients {
            Some(clients) => builder.with_client_cert_verifier(Arc::clone(&clients.current)),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::new(Resolver::new(certificates)));
        // all that is offered is strong, and one order for everyone is what scanners ask for
        config.ignore_client_order = true;
        config.alpn_protocols = protocols.to_vec();
        config.ticketer = Ticketer::new().map_err(|error| error.to_string())?;
        Ok(config)
    }
}

/// Something loaded, and how its files looked then.
struct Watched<S: Source> {
    source: S,
    current: S::Loaded,
    seen: Vec<Option<Look>>,
}

impl<S: Source> Watched<S> {
    fn load(source: S) -> Result<Self, String> {
        // looked at before they are read: what changes in between is then seen as a change
        let seen = look(&source);
        let current = source.load()?;
        Ok(Watched { source, current, seen })
    }

    /// None if it was not chosen. A refused state is not tried again before it changes.
    fn renew(&mut self, is_chosen: impl Fn(bool) -> bool) -> Option<Result<(), String>> {
        let seen = look(&self.source);
        if !is_chosen(seen != self.seen) {
            return None;
        }
        self.seen = seen;
        Some(self.source.load().map(|loaded| self.current = loaded))
    }
}

/// How a file looks from outside; another means that it was changed or replaced.
#[derive(PartialEq)]
struct Look {
    length: u64,
    modified: Option<SystemTime>,
    #[cfg(unix)]
    place: (u64, u64),
}

fn look(source: &impl Source) -> Vec<Option<Look>> {
    source.paths().into_iter().map(look_at).collect()
}

/// Follows links: where files are mounted through links (as Kubernetes does), only the target changes.
fn look_at(path: &Path) -> Option<Look> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(Look {
        length: metadata.len(),
        modified: metadata.modified().ok(),
        #[cfg(unix)]
        place: {
            use std::os::unix::fs::MetadataExt;
            (metadata.dev(), metadata.ino())
        },
    })
}
