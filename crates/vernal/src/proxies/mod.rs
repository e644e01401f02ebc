//! What proxies say of a request, and which of them are believed.

mod forwarded;

use std::borrow::Cow;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::error::StartErrorKind;
use crate::parse::is_authority;
use crate::proxies::forwarded::Node;
use crate::{Error, Headers, Result};

/// The proxies in front of a server, and what they write.
///
/// A field like `X-Forwarded-For` can be sent by anyone. It is believed only where the other end of the connection is
/// one of these addresses, and from there back through the chain to the first address that is none of them: the client.
/// So it matters that the list has your proxies and nobody else, and that the fields which are believed are those that
/// your proxies write: what they pass on as it came is the client's own word.
///
/// | what | believed |
/// |---|---|
/// | `X-Forwarded-For`, `X-Forwarded-Proto` | by default |
/// | `X-Forwarded-Host`, `X-Forwarded-Port` | after [`forwarded_host`](TrustedProxies::forwarded_host) |
/// | `Forwarded` (RFC 7239) | after [`forwarded`](TrustedProxies::forwarded), instead of the others |
///
/// Of `X-Forwarded-Proto`, `-Host` and `-Port` the last value counts: the nearest proxy wrote it. Of `Forwarded` what
/// the proxy says that the client was connected to. Where the chain leads to `unknown`, to an obfuscated identifier or
/// to something malformed, the client's address is not known.
///
/// ```
/// use vernal::{Server, TrustedProxies};
///
/// // a proxy on this machine, by TCP or by Unix-domain socket, behind balancers of the private network
/// let server = Server::new().trusted_proxies(["127.0.0.1", "::1", "10.0.0.0/8", "unix"]);
/// let server = Server::new().trusted_proxies(TrustedProxies::new(["192.0.2.7"]).forwarded());
/// ```
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    unix: bool,
    rfc7239: bool,
    host: bool,
    mistakes: Vec<String>,
}

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hop {
    Address(IpAddr),
    /// A Unix-domain socket.
    Unix,
    /// Nobody knows, or nobody is there: a call inside the process.
    Unknown,
}

/// What is known of a request through its proxies.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) client: Option<IpAddr>,
    pub(crate) secure: Option<bool>,
    pub(crate) host: Option<String>,
}

impl TrustedProxies {
    /// Trusts these: IPv4 and IPv6 addresses, networks such as `10.0.0.0/8`, and `unix` for whoever may connect to the
    /// server's Unix-domain sockets. Any other text is an error at start.
    pub fn new<T: AsRef<str>>(addresses: impl IntoIterator<Item = T>) -> Self {
        let mut proxies = TrustedProxies::default();
        for address in addresses {
            let address = address.as_ref();
            match (address, address.parse::<IpAddr>(), address.parse::<IpNet>()) {
                ("unix", ..) => proxies.unix = true,
                (_, Ok(address), _) => proxies.networks.push(address.to_canonical().into()),
                (_, _, Ok(network)) => proxies.networks.push(network),
                _ => proxies.mistakes.push(format!(
                    "trusted_proxies: {address:?} is no address, no network such as 10.0.0.0/8, and not \"unix\""
                )),
            }
        }
        proxies
    }

    /// The proxies write `Forwarded` (RFC 7239); then nothing else is believed.
    pub fn forwarded(mut self) -> Self {
        self.rfc7239 = true;
        self
    }

    /// The proxies write, or remove, `X-Forwarded-Host` and `X-Forwarded-Port`. Not to be said of others: a client
    /// could choose the host that links and redirects are made with.
    pub fn forwarded_host(mut self) -> Self {
        self.host = true;
        self
    }

    /// # Errors
    ///
    /// A start-up error that names the first text which is no address.
    pub(crate) fn check(&self) -> Result<()> {
        match self.mistakes.first() {
            Some(mistake) => Err(Error::start(StartErrorKind::Configuration, mistake.clone())),
            None => Ok(()),
        }
    }

    /// Whether anybody is trusted.
    pub(crate) fn is_empty(&self) -> bool {
        self.networks.is_empty() && !self.unix
    }

    pub(crate) fn trusts(&self, hop: Hop) -> bool {
        match hop {
            Hop::Address(address) => {
                let address = address.to_canonical();
                self.networks.iter().any(|network| network.contains(&address))
            }
            Hop::Unix => self.unix,
            Hop::Unknown => false,
        }
    }

    /// Reads what the fields say, as far as they are to be believed. The fields are bounded by
    /// [`Limits::header_bytes`](crate::Limits::header_bytes), and each is read once.
    pub(crate) fn read(&self, headers: &Headers, hop: Hop) -> Said {
        let mut said = Said { client: hop.address(), ..Said::default() };
        if self.trusts(hop) {
            match self.rfc7239 {
                true => self.read_forwarded(headers, &mut said),
                false => self.read_separate(headers, &mut said),
            }
        }
        said
    }

    /// `X-Forwarded-For` and its relatives, which no document describes.
    fn read_separate(&self, headers: &Headers, said: &mut Said) {
        'chain: for line in lines(headers, "x-forwarded-for").rev() {
            for address in line.rsplit(',').map(str::trim).filter(|address| !address.is_empty()) {
                if self.follow(Node::parse(address), said) {
                    break 'chain;
                }
            }
        }
        said.secure = last(headers, "x-forwarded-proto").as_deref().and_then(is_secure);
        if self.host {
            let host = last(headers, "x-forwarded-host").filter(|host| is_host(host));
            let port = last(headers, "x-forwarded-port").and_then(|port| port.parse::<u16>().ok());
            said.host = match (host.or_else(|| headers.get("host").map(str::to_owned)), port) {
                (Some(host), Some(port)) => Some(with_port(host, port, said.secure)),
                (host, _) => host,
            };
        }
    }

    /// `Forwarded` (RFC 7239 section 4): each proxy has added an element behind those that were there.
    fn read_forwarded(&self, headers: &Headers, said: &mut Said) {
        for line in lines(headers, "forwarded").rev() {
            let Some(elements) = forwarded::parse(&line) else {
                tracing::debug!(%line, "a Forwarded field is malformed");
                *said = Said::default();
                return;
            };
            for element in elements.into_iter().rev() {
                said.secure = element.proto.as_deref().and_then(is_secure);
                said.host = element.host.filter(|host| is_host(host)).map(Cow::into_owned);
                match element.node {
                    Some(node) if !self.follow(node, said) => {}
                    _ => return,
                }
            }
        }
    }

    /// Goes one step along the chain; whether that was the last.
    fn follow(&self, node: Node, said: &mut Said) -> bool {
        said.client = match node {
            Node::Address(address) => Some(address),
            Node::Hidden => None,
        };
        said.client.is_none_or(|address| !self.trusts(Hop::Address(address)))
    }
}

impl<T: AsRef<str>, const N: usize> From<[T; N]> for TrustedProxies {
    fn from(addresses: [T; N]) -> Self {
        TrustedProxies::new(addresses)
    }
}

impl<T: AsRef<str>> From<Vec<T>> for TrustedProxies {
    fn from(addresses: Vec<T>) -> Self {
        TrustedProxies::new(addresses)
    }
}

impl Hop {
    pub(crate) fn address(self) -> Option<IpAddr> {
        match self {
            Hop::Address(address) => Some(address.to_canonical()),
            Hop::Unix | Hop::Unknown => None,
        }
    }
}

/// The lines of a field. None is left out for bytes that are no text: a client could hide the rest of the line, which
/// its proxy has written.
fn lines<'h>(headers: &'h Headers, name: &str) -> impl DoubleEndedIterator<Item = Cow<'h, str>> {
    headers.as_map().get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()))
}

/// The last value of a field that is a list (RFC 9110 section 5.6.1).
fn last(headers: &Headers, name: &str) -> Option<String> {
    let values =
        |line: &str| line.rsplit(',').map(str::trim).find(|value| !value.is_empty()).map(str::to_owned);
    lines(headers, name).rev().find_map(|line| values(&line))
}

fn is_secure(scheme: &str) -> Option<bool> {
    let is = |name: &str| scheme.eq_ignore_ascii_case(name);
    match () {
        () if is("https") || is("wss") => Some(true),
        () if is("http") || is("ws") => Some(false),
        () => None,
    }
}

/// Whether it has the form of a host: `uri-host [":" port]` (RFC 9110 section 7.2).
fn is_host(host: &str) -> bool {
    let is_host = host.len() <= 260 && is_authority(host.as_bytes());
    if !is_host {
        tracing::debug!(host, "a forwarded host is malformed");
    }
    is_host
}

/// The host with this port, unless it has one or the scheme implies it.
fn with_port(host: String, port: u16, secure: Option<bool>) -> String {
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
    let implied = if secure == Some(true) { 443 } else { 80 };
    if has_port || port == implied { host } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests;
