//! Every quantity that a client chooses, and the bound it meets.

use std::time::Duration;

/// One kilobyte, for settings.
pub const KB: usize = 1024;
/// One megabyte, for settings.
pub const MB: usize = 1024 * KB;

/// The bounds on what a client may send. Each has a default that suits a small service and an error of its own.
///
/// | limit | default | answer when exceeded |
/// |---|---|---|
/// | [`target_bytes`](Limits::target_bytes) | 8 KB | 414 |
/// | [`header_bytes`](Limits::header_bytes) | 64 KB | 431 |
/// | [`headers`](Limits::headers) | 100 | 431 |
/// | [`body`](Limits::body) | 2 MB | 413 |
/// | [`content_codings`](Limits::content_codings) | 2 | 415 |
/// | [`upload`](Limits::upload) | 64 MB | 413, for multipart bodies |
/// | [`parameters`](Limits::parameters) | 1000 | 400 |
/// | [`parts`](Limits::parts) | 128 | 400, for multipart bodies |
/// | [`spool_bytes`](Limits::spool_bytes) | 256 KB | a larger file is spooled to disk |
/// | [`json_depth`](Limits::json_depth) | 128 | 400 |
/// | [`header_timeout`](Limits::header_timeout) | 30 s | 408 where a part has come; the connection is closed |
/// | [`tls_handshake_timeout`](Limits::tls_handshake_timeout) | 10 s | the connection is closed |
/// | [`body_timeout`](Limits::body_timeout) | 30 s | 408: the time between two pieces of a body |
/// | [`body_rate`](Limits::body_rate) | 500 bytes/s | 408: what a body must come with on average |
/// | [`request_timeout`](Limits::request_timeout) | none | 503, and the controller is cancelled |
/// | [`write_timeout`](Limits::write_timeout) | 30 s | the connection is reset: the client reads nothing |
/// | [`write_rate`](Limits::write_rate) | 500 bytes/s | the connection is reset: the client reads too little |
/// | [`connections`](Limits::connections) | 25 000 | new connections wait in the backlog |
/// | [`streams`](Limits::streams) | 128 | HTTP/2: the stream is refused |
/// | [`stream_window`](Limits::stream_window) | 256 KB | HTTP/2: the stream is reset |
/// | [`connection_window`](Limits::connection_window) | 1 MB | HTTP/2: the connection is closed |
/// | [`control_frames`](Limits::control_frames) | 1000 | HTTP/2: the connection is closed |
/// | [`connections_per_address`](Limits::connections_per_address) | none | further connections are closed |
/// | [`sessions`](Limits::sessions) | 100 000 | the least recently used session is dropped |
/// | [`file_cache`](Limits::file_cache) | 16 MB | a file that was not asked for lately is dropped |
/// | [`websocket_frame`](Limits::websocket_frame) | 1 MB | close code 1009 |
/// | [`websocket_message`](Limits::websocket_message) | 1 MB | close code 1009 |
/// | [`websocket_queue`](Limits::websocket_queue) | 1 MB | sending waits, or fails where it must not wait |
/// | [`websocket_send_timeout`](Limits::websocket_send_timeout) | 30 s | the connection is cut: the client reads nothing |
/// | [`websocket_ping_interval`](Limits::websocket_ping_interval) | 30 s | the connection is cut: no answer to a ping in another 30 s |
/// | [`websocket_close_timeout`](Limits::websocket_close_timeout) | 10 s | the connection is cut: no answer to a close frame |
/// | [`websocket_rooms`](Limits::websocket_rooms) | 100 | joining another fails |
/// | [`websocket_room_name`](Limits::websocket_room_name) | 256 | joining such a room fails |
///
/// ```
/// use vernal::{Limits, MB};
///
/// let limits = Limits::default().body(16 * MB).parameters(50);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    pub(crate) target_bytes: usize,
    pub(crate) header_bytes: usize,
    pub(crate) headers: usize,
    pub(crate) body: usize,
    #[cfg(feature = "compression")]
    pub(crate) content_codings: usize,
    pub(crate) upload: usize,
    pub(crate) parameters: usize,
    pub(crate) parts: usize,
    pub(crate) spool_bytes: usize,
    pub(crate) json_depth: usize,
    pub(crate) header_timeout: Duration,
    pub(crate) tls_handshake_timeout: Duration,
    pub(crate) body_timeout: Duration,
    pub(crate) body_rate: usize,
    pub(crate) request_timeout: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) write_rate: usize,
    pub(crate) connections: usize,
    pub(crate) connections_per_address: usize,
    pub(crate) sessions: usize,
    pub(crate) file_cache: usize,
    pub(crate) streams: u32,
    pub(crate) stream_window: u32,
    pub(crate) connection_window: u32,
    pub(crate) control_frames: u32,
    pub(crate) websocket_frame: usize,
    pub(crate) websocket_message: usize,
    pub(crate) websocket_queue: usize,
    pub(crate) websocket_send_timeout: Duration,
    pub(crate) websocket_ping_interval: Duration,
    pub(crate) websocket_close_timeout: Duration,
    pub(crate) websocket_rooms: usize,
    pub(crate) websocket_room_name: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            target_bytes: 8 * KB,
            header_bytes: 64 * KB,
            headers: 100,
            body: 2 * MB,
            #[cfg(feature = "compression")]
            content_codings: 2,
            upload: 64 * MB,
            parameters: 1000,
            parts: 128,
            spool_bytes: 256 * KB,
            json_depth: 128,
            header_timeout: Duration::from_secs(30),
            tls_handshake_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            body_rate: 500,
            request_timeout: Duration::ZERO,
            write_timeout: Duration::from_secs(30),
            write_rate: 500,
            connections: 25_000,
            connections_per_address: 0,
            sessions: 100_000,
            file_cache: 16 * MB,
            streams: 128,
            stream_window: 256 * 1024,
            connection_window: 1024 * 1024,
            control_frames: 1000,
            websocket_frame: MB,
            websocket_message: MB,
            websocket_queue: MB,
            websocket_send_timeout: Duration::from_secs(30),
            websocket_ping_interval: Duration::from_secs(30),
            websocket_close_timeout: Duration::from_secs(10),
            websocket_rooms: 100,
            websocket_room_name: 256,
        }
    }
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {
        impl Limits {
            $($(#[$doc])* pub fn $name(mut self, $name: $type) -> Self { self.$name = $name; self })*
        }
    };
}

setters! {
    /// Bytes of the request target (path and query). Longer ones are seldom typed by people or programs.
    target_bytes: usize;
    /// Bytes of the request line and all header fields together.
    header_bytes: usize;
    /// Number of header fields.
    headers: usize;
    /// Bytes of a body that is read as a whole: forms, JSON, `Bytes`. Of a compressed body what it is decompressed.
    body: usize;
    /// Codings that lie on top of each other in a compressed body. One is usual; two happen where a program compresses
    /// what was compressed; each takes memory of its own, up to 16 MB.
    #[cfg(feature = "compression")]
    content_codings: usize;
    /// Bytes of a multipart body, whose files are spooled, or of a body read through `BodyReader`.
    upload: usize;
    /// Number of parameters in query and form together.
    parameters: usize;
    /// Number of parts in a multipart body.
    parts: usize;
    /// Bytes from which an uploaded file is kept on disk instead of in memory.
    spool_bytes: usize;
    /// Nesting of arrays and objects in a JSON text; 128 at most, as the JSON library's own bound.
    json_depth: usize;
    /// Time from the first byte of a request, or the opening of the connection, to the end of its header.
    header_timeout: Duration;
    /// Time from the opening of a connection to the end of its TLS handshake: two or three packets each way.
    tls_handshake_timeout: Duration;
    /// Time between two pieces of a body.
    body_timeout: Duration;
    /// Bytes a second that a body must come with on average, over the time that the server has waited for it beyond
    /// `body_timeout`; 0 asks for none. Without it a byte now and then would hold a request for days. The slowest
    /// telephones manage ten times the default.
    body_rate: usize;
    /// Time from the head of a request to the head of its answer; zero, the default, for no bound: what a client can
    /// draw out has bounds of its own, and how long a controller needs is the application's to know. A controller that
    /// is asynchronous is cancelled; one that blocks a thread goes on, without anybody to hear its answer. It needs a
    /// runtime with timers, which every server has.
    request_timeout: Duration;
    /// Time in which a client may read nothing of its answer. What it has not read is kept for it.
    write_timeout: Duration;
    /// Bytes a second that a client must read on average, over the time in which the server waited for it beyond
    /// `write_timeout`; 0 asks for none. Time in which the application has nothing to send does not count, and neither
    /// does what went out before the server had to wait for the first time in an answer. A WebSocket client is held to
    /// the same, beyond `websocket_send_timeout`, from when the server has to wait for it until it has read all that
    /// waits for it.
    write_rate: usize;
    /// Connections served at the same time.
    connections: usize;
    /// Connections of one IPv4 address, or of one IPv6 network of 64 bits; 0, the default, for as many as there are: many
    /// clients share the address of their company, and behind a proxy all have that of the proxy.
    connections_per_address: usize;
    /// Sessions kept in memory.
    sessions: usize;
    /// Bytes of files kept in memory: clients choose which ones they ask for. Only files of up to 64 KB are kept, and
    /// sent only while the system says that the file on disk is the same one, unchanged, which is asked at each
    /// request; 0 keeps none. Above 4 MB the room is divided into 16 parts, so that the first files may have to go
    /// when some of it is still free.
    file_cache: usize;
    /// Requests of one HTTP/2 connection at the same time; browsers ask for up to 100. As many again may be ending:
    /// a controller that blocks a thread counts until it returns, even if the client has reset its stream.
    streams: u32;
    /// Bytes of one HTTP/2 request's body that may arrive before they are read. Larger ones make uploads over long
    /// lines faster.
    stream_window: u32;
    /// The same for all requests of an HTTP/2 connection together; 64 KB at least, which is what every one begins with.
    connection_window: u32;
    /// HTTP/2 frames that carry neither a request nor data (PING, SETTINGS, PRIORITY, RST_STREAM, WINDOW_UPDATE,
    /// unknown ones, empty DATA), beyond the four that each answer and each piece of one call for. Every second
    /// forgives ten.
    control_frames: u32;
    /// Bytes of a WebSocket frame. What a client announces is not allocated before it arrives.
    websocket_frame: usize;
    /// Bytes of a WebSocket message, expanded if it came compressed. Of a binary message in several frames, those count
    /// that its handler keeps.
    websocket_message: usize;
    /// Bytes that wait for a WebSocket client to read them. Where fewer wait, one more message is taken whatever its
    /// size.
    websocket_queue: usize;
    /// Time in which a WebSocket client for which something waits takes none of it; how fast it has to take it is
    /// `write_rate`.
    websocket_send_timeout: Duration;
    /// Time without a sign of life after which a WebSocket client is sent a ping, and once more as long after which it
    /// counts as gone. It also keeps proxies from cutting idle connections, which many do after a minute. Zero for no
    /// pings: then a client that vanished without a word is only noticed when something is sent to it.
    websocket_ping_interval: Duration;
    /// Time for the end of a WebSocket connection: for the answer to a close frame, and for an event that still runs
    /// when its connection has ended; after that its future is dropped.
    websocket_close_timeout: Duration;
    /// Rooms that one WebSocket connection may be in: each costs memory, and often it is the client that names them.
    websocket_rooms: usize;
    /// Bytes in the name of a room.
    websocket_room_name: usize;
}
