//! Settings that Python gives by name, as the engine's.

use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use vernal::websocket::WebsocketSettings;
use vernal::{Builder, Compression, Limits, Server};

use crate::mistake::{mistake, unusable};

/// How much of what is sent over a WebSocket may wait for the client where those who send cannot wait.
const QUEUE_OF_EVENT_LOOPS: usize = 16 * 1024 * 1024;

/// Whether answers are those of the original where better ones would differ; they are by default.
pub(crate) fn is_compatible(options: &Bound<'_, PyDict>) -> PyResult<bool> {
    options.get_item("compatible")?.map_or(Ok(true), |compatible| compatible.is_truthy())
}

/// What the settings of an app begin with.
struct Defaults {
    compatible: bool,
    limits: Limits,
    websocket: WebsocketSettings,
}

/// Applies the settings of an app, whose controllers and handlers may wait, or may not.
pub(crate) fn apply(builder: Builder, options: &Bound<'_, PyDict>, may_wait: bool) -> PyResult<Builder> {
    let compatible = is_compatible(options)?;
    let limits = match may_wait {
        true => Limits::default(),
        false => Limits::default().websocket_queue(QUEUE_OF_EVENT_LOOPS),
    };
    // apart from HTTP: `spec/06` section 3
    let websocket = WebsocketSettings::default().apart_from_http(compatible);
    let defaults = Defaults { compatible, limits, websocket };
    let mut builder = builder
        .limits(defaults.limits.clone())
        .websocket_settings(defaults.websocket.clone().any_origin(true));
    for (name, value) in options.iter() {
        let name: String = name.extract()?;
        builder = defaults.set(builder, &name, &value).map_err(|error| unusable(&name, &value, error))?;
    }
    Ok(builder)
}

impl Defaults {
    fn set(&self, builder: Builder, name: &str, value: &Bound<'_, PyAny>) -> PyResult<Builder> {
        let compatible = self.compatible;
        Ok(match name {
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
            "limits" => builder.limits(limits(self.limits.clone(), value.cast::<PyDict>()?)?),
            "websocket_origins" => {
                let origins: Vec<String> = value.extract()?;
                let settings = origins.into_iter().fold(self.websocket.clone(), WebsocketSettings::origin);
                builder.websocket_settings(settings)
            }
            _ => return Err(mistake(format!("there is no setting {name:?}"))),
        })
    }
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
        let option = match name.as_str() {
            "idle_timeout" => "connection_idle_time",
            "keep_alive_max_requests" => "keep_alive_max_request",
            name => name,
        };
        server = set_on_server(server, &name, &value).map_err(|error| unusable(option, &value, error))?;
    }
    Ok(server)
}

fn set_on_server(server: Server, name: &str, value: &Bound<'_, PyAny>) -> PyResult<Server> {
    Ok(match name {
        "host" => server.host(value.extract::<String>()?),
        "port" => server.port(value.extract()?),
        "threads" => server.workers(value.extract()?),
        "keep_alive" => server.keep_alive(value.extract()?),
        "keep_alive_max_requests" => server.keep_alive_max_requests(value.extract()?),
        "idle_timeout" => server.idle_timeout(seconds(value)?),
        "drain_deadline" => server.drain_deadline(seconds(value)?),
        "unix_socket" => server.unix_socket(value.extract::<String>()?),
        "proxy_protocol" => server.proxy_protocol(value.extract()?),
        "http2" => server.http2(value.extract()?),
        "queue" => server, // see `waiting`
        "tls" => {
            let (certificate, key, password): (String, String, String) = value.extract()?;
            let tls = vernal::Tls::from_files(certificate, key);
            server.tls(if password.is_empty() { tls } else { tls.password(password) })
        }
        _ => return Err(mistake(format!("there is no setting {name:?}"))),
    })
}

/// How many requests may wait for a thread, or for the event loop, among the settings of a server.
pub(crate) fn waiting(options: &Bound<'_, PyDict>) -> PyResult<usize> {
    match options.get_item("queue")? {
        Some(waiting) => {
            let found = waiting.extract::<usize>();
            Ok(found.map_err(|error| unusable("limits['queue']", &waiting, error))?.max(1))
        }
        None => Ok(10_000),
    }
}

/// Bounds by their names; times are in seconds, 0 for none.
fn limits(mut limits: Limits, given: &Bound<'_, PyDict>) -> PyResult<Limits> {
    for (name, value) in given.iter() {
        let name = name.str()?.extract::<String>()?;
        limits = set_limit(limits, &name, &value)
            .map_err(|error| unusable(&format!("limits['{name}']"), &value, error))?;
    }
    Ok(limits)
}

fn set_limit(limits: Limits, name: &str, value: &Bound<'_, PyAny>) -> PyResult<Limits> {
    Ok(match name {
        "target_bytes" => limits.target_bytes(value.extract()?),
        "header_bytes" => limits.header_bytes(value.extract()?),
        "headers" => limits.headers(value.extract()?),
        "body" => limits.body(value.extract()?),
        "content_codings" => limits.content_codings(value.extract()?),
        "upload" => limits.upload(value.extract()?),
        "parameters" => limits.parameters(value.extract()?),
        "parts" => limits.parts(value.extract()?),
        "spool_bytes" => limits.spool_bytes(value.extract()?),
        "json_depth" => limits.json_depth(value.extract()?),
        "connections" => limits.connections(value.extract()?),
        "connections_per_address" => limits.connections_per_address(value.extract()?),
        "streams" => limits.streams(value.extract()?),
        "stream_window" => limits.stream_window(value.extract()?),
        "connection_window" => limits.connection_window(value.extract()?),
        "control_frames" => limits.control_frames(value.extract()?),
        "header_timeout" => limits.header_timeout(seconds(value)?),
        "tls_handshake_timeout" => limits.tls_handshake_timeout(seconds(value)?),
        "body_timeout" => limits.body_timeout(seconds(value)?),
        "body_rate" => limits.body_rate(value.extract()?),
        "write_timeout" => limits.write_timeout(seconds(value)?),
        "write_rate" => limits.write_rate(value.extract()?),
        "request_timeout" => limits.request_timeout(seconds(value)?),
        "file_cache" => limits.file_cache(value.extract()?),
        "websocket_frame" => limits.websocket_frame(value.extract()?),
        "websocket_message" => limits.websocket_message(value.extract()?),
        "websocket_queue" => limits.websocket_queue(value.extract()?),
        "websocket_send_timeout" => limits.websocket_send_timeout(seconds(value)?),
        "websocket_ping_interval" => limits.websocket_ping_interval(seconds(value)?),
        "websocket_close_timeout" => limits.websocket_close_timeout(seconds(value)?),
        "queue" => limits, // the server's own, see `waiting`
        "sessions" | "websocket_rooms" | "websocket_room_name" => {
            return Err(mistake(format!("the limit {name:?} is one of applications in Rust")));
        }
        _ => return Err(mistake(format!("there is no limit {name:?}"))),
    })
}

fn seconds(value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    let seconds: f64 = value.extract()?;
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| PyValueError::new_err("a length of time in seconds is wanted"))
}
