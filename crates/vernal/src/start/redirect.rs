//! The port without TLS, whose only answer is that there is one with it.

use std::sync::Arc;

use http::uri::Authority;

use crate::accept::{Address, Serving};
use crate::error::StartErrorKind;
use crate::respond::Redirect;
use crate::start::run::Served;
use crate::{App, Error, HttpError, Request, Result, Route, controller};

/// Binds the address. The app behind it has this one answer, and the limits of the server's own.
pub(super) fn listeners(address: Address, secure_port: u16, serving: &Serving) -> Result<Vec<Served>> {
    if serving.tls.is_none() {
        let text = "redirect_http() leads to HTTPS, which the server does not speak: tls() is wanted as well";
        return Err(Error::start(StartErrorKind::Configuration, text));
    }
    let redirect = controller::from_fn(move |request: &Request| {
        secure_url(request, secure_port).map(Redirect::permanent).ok_or_else(|| {
            HttpError::bad_request("The header \"Host\" of this request must be a host, perhaps with a port")
        })
    });
    let (limits, proxies) = (serving.app.limits().clone(), serving.app.proxies().clone());
    let mut app = App::builder().limits(limits).trusted_proxies(proxies);
    if let Some(name) = serving.app.server_name() {
        app = app.server_name(String::from_utf8_lossy(name.as_bytes()));
    }
    let app = app.route(Route::regexp("^.*$"), redirect).build()?;
    let settings = serving.settings.clone();
    let serving = Arc::new(Serving {
        app,
        replacement: Arc::default(),
        settings,
        drain: serving.drain.clone(),
        peers: serving.peers.clone(),
        tls: None,
    });
    let listeners = address.bind()?.into_iter();
    Ok(listeners.map(|listener| Served { listener, serving: Arc::clone(&serving) }).collect())
}

/// The same target through TLS; none where the request does not say, beyond doubt, at which host.
fn secure_url(request: &Request, secure_port: u16) -> Option<String> {
    let authority: Authority = request.host()?.parse().ok()?;
    let host = authority.host();
    let is_address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_sound = match is_address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        }
    };
    // what else an authority may have is a user's name and password, which could pass for the host
    let is_alone = authority.as_str().strip_prefix(host).is_some_and(|rest| match rest.strip_prefix(':') {
        Some(port) => port.bytes().all(|byte| byte.is_ascii_digit()),
        None => rest.is_empty(),
    });
    if !is_sound || !is_alone {
        return None;
    }
    let port = if secure_port == 443 { String::new() } else { format!(":{secure_port}") };
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    // `OPTIONS *` is about the server, which has no address of that form
    let target = if target == "*" { "/" } else { target };
    Some(format!("https://{host}{port}{target}"))
}
