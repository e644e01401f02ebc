//! Settings that Python gives by name, as the engine's.

use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use vernal::websocket::WebsocketSettings;
use vernal::{Builder, Compression, Limits, Server};

/// How much of what is sent over a WebSocket may wait for the client where those who send cannot wait.
const QUEUE_OF_EVENT_LOOPS: usize = 16 * 1024 * 1024;

/// Whether answers are those of the original where better ones would differ; they are by default.
pub(crate) fn is_compatible(options: &Bound<'_, PyDict>) -> PyResult<bool> {
    options.get_item("compatible")?.map_or(Ok(true), |compatible| compatible.is_truthy())
}

/// Applies the settings of an app, whose controllers and handlers may wait, or may not.
pub(crate) fn apply(mut builder: Builder, options: &Bound<'_, PyDict>, may_wait: bool) -> PyResult<Builder> {
    let bounds = match may_wait {
        true => Limits::default(),
        false => Limits::default().websocket_queue(QUEUE_OF_EVENT_LOOPS),
    };
    let compatible = is_compatible(options)?;
    // apart from HTTP: `spec/06` section 3
    let websocket = WebsocketSettings::default().apart_from_http(compatible);
    builder = builder.limits(bounds.clone()).websocket_settings(websocket.clone().any_origin(true));
    for (name, value) in options.iter() {
        let name: String = name.extract()?;
        builder = match name.as_str() {
            "compatible" => {
                builder.plus_is_space(!compatible, !compatible).ranges(!compatible).dotfiles(compatible)
            }
            "server_name" => builder.server_name(value.extract::<String>()?),
            "access_log" => builder.access_log(value.extract()?),
            "gzip" => {
                let (types, level): (Vec<String>, u32) = value.extract()?;
                match types.is_empty() {
                    true => builder,
                    false => builder.compression(gzip(types, level).vary(!compatible)),
                }
            }
            "trusted_proxies" => builder.trusted_proxies(value.extract::<Vec<String>>()?),
            "limits" => builder.limits(limits(bounds.clone(), value.cast::<PyDict>()?)?),
            "websocket_origins" => {
                let origins: Vec<String> = value.extract()?;
                let settings = origins.into_iter().fold(websocket.clone(), WebsocketSettings::origin);
                builder.websocket_settings(settings)
            }
            _ => return Err(PyValueError::new_err(format!("there is no setting {name:?}"))),
        };
    }
    Ok(builder)
}

/// Content types by their beginnings (`spec/04` section 8), but for those that have a `*`.
fn gzip(types: Vec<String>, level: u32) -> Compression {
    let (ranges, beginnings): (Vec<_>, Vec<_>) = types.into_iter().partition(|text| text.contains('*'));
    Compression::gzip(ranges, level).types_that_begin(beginnings)
}

/// Applies the settings of a server.
pub(crate) fn apply_to_server(mut server: Server, options: &Bound<'_, PyDict>) -> PyResult<Server> {
    for (name, value) in options.iter() {
        let name: String = name.extract()?;
        server = match name.as_str() {
            "host" => server.host(value.extract::<String>()?),
            "port" => server.port(value.extract()?),
            "threads" => server.workers(value.extract()?),
            "keep_alive" => server.keep_alive(value.extract()?),
            "keep_alive_max_requests" => server.keep_alive_max_requests(value.extract()?),
            "idle_timeout" => server.idle_timeout(seconds(&value)?),
            "drain_deadline" => server.drain_deadline(seconds(&value)?),
            "unix_socket" => server.unix_socket(value.extract::<String>()?),
            "proxy_protocol" => server.proxy_protocol(value.extract()?),
            "http2" => server.http2(value.extract()?),
            "queue" => server, // see `waiting`
            "tls" => {
                let (certificate, key, password): (String, String, String) = value.extract()?;
                let tls = vernal::Tls::from_files(certificate, key);
                server.tls(if password.is_empty() { tls } else { tls.password(password) })
            }
            _ => return Err(PyValueError::new_err(format!("there is no setting {name:?}"))),
        };
    }
    Ok(server)
}

/// How many requests may wait for a thread, or for the event loop, among the settings of a server.
pub(crate) fn waiting(options: &Bound<'_, PyDict>) -> PyResult<usize> {
    match options.get_item("queue")? {
        Some(waiting) => Ok(waiting.extract::<usize>()?.max(1)),
        None => Ok(10_000),
    }
}

/// Bounds by their names; times are in seconds, 0 for none.
fn limits(mut limits: Limits, given: &Bound<'_, PyDict>) -> PyResult<Limits> {
    for (name, value) in given.iter() {
        let name: String = name.extract()?;
        limits = match name.as_str() {
            "target_bytes" => limits.target_bytes(value.extract()?),
            "header_bytes" => limits.header_bytes(value.extract()?),
            "headers" => limits.headers(value.extract()?),
            "body" => limits.body(value.extract()?),
            "upload" => limits.upload(value.extract()?),
            "parameters" => limits.parameters(value.extract()?),
            "parts" => limits.parts(value.extract()?),
            "spool_bytes" => limits.spool_bytes(value.extract()?),
            "connections" => limits.connections(value.extract()?),
            "header_timeout" => limits.header_timeout(seconds(&value)?),
            "body_timeout" => limits.body_timeout(seconds(&value)?),
            "write_timeout" => limits.write_timeout(seconds(&value)?),
            "request_timeout" => limits.request_timeout(seconds(&value)?),
            "websocket_frame" => limits.websocket_frame(value.extract()?),
            "websocket_message" => limits.websocket_message(value.extract()?),
            "websocket_queue" => limits.websocket_queue(value.extract()?),
            "websocket_send_timeout" => limits.websocket_send_timeout(seconds(&value)?),
            "websocket_ping_interval" => limits.websocket_ping_interval(seconds(&value)?),
            "websocket_close_timeout" => limits.websocket_close_timeout(seconds(&value)?),
            "queue" => limits, // the server's own, see `waiting`
            _ => return Err(PyValueError::new_err(format!("there is no limit {name:?}"))),
        };
    }
    Ok(limits)
}

fn seconds(value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    let seconds: f64 = value.extract()?;
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| PyValueError::new_err(format!("{seconds} is no length of time in seconds")))
}
