//! Rooms: connections that are told the same.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;

use crate::bind::{FromRequest, Kind, Param, State};
use crate::websocket::deflate::Compressions;
use crate::websocket::{SendError, WebsocketSession};
use crate::{HttpError, Request, Result};

/// The rooms of an app. Cheap to clone.
///
/// A connection joins a room by [`WebsocketSession::join`] and leaves it by [`WebsocketSession::leave`], or when it
/// ends. Whoever has the rooms may send to one: WebSocket handlers and controllers take `rooms: Rooms` as an argument,
/// others ask [`WebsocketSession::rooms`] or [`App::rooms`](crate::App::rooms).
///
/// ```
/// use vernal::prelude::*;
///
/// #[websocket_open("/chat/{room}")]
/// async fn open(session: &WebsocketSession, room: &str) -> Result<()> {
///     session.join(room)
/// }
///
/// #[websocket_message("/chat/{room}")]
/// async fn text(rooms: Rooms, room: &str, message: &str) {
///     rooms.get(room).send_text(message);
/// }
///
/// #[route("/announce", method = "POST")]
/// async fn announce(rooms: Rooms, room: &str, text: &str) -> String {
///     rooms.get(room).send_text(text);
///     format!("{} are listening", rooms.get(room).len())
/// }
/// ```
#[derive(Clone)]
pub struct Rooms {
    local: LocalRooms,
    transport: Arc<dyn RoomTransport>,
}

impl Rooms {
    pub(crate) fn new(transport: Arc<dyn RoomTransport>, limit: usize, name_limit: usize) -> Self {
        let local = LocalRooms(Arc::new(Local { rooms: RwLock::default(), limit, name_limit }));
        transport.start(local.clone());
        Rooms { local, transport }
    }

    /// The room of this name. Nobody needs to be in it: it is there when someone joins.
    pub fn get<'r>(&'r self, name: &'r str) -> Room<'r> {
        Room { rooms: self, name }
    }

    /// The rooms that someone of this process is in, in no particular order.
    pub fn names(&self) -> Vec<String> {
        self.local.rooms().keys().map(|name| name.to_string()).collect()
    }

    fn join(&self, session: &WebsocketSession, name: &str) -> Result<()> {
        let Local { limit, name_limit, .. } = *self.local.0;
        if name.len() > name_limit {
            return Err(RoomError::NameTooLong { length: name.len(), limit: name_limit }.into());
        }
        let mut presence = session.belongings().presence();
        if presence.has_left || session.is_closed() {
            return Err(SendError::Closed.into());
        }
        if presence.rooms.contains(name) {
            return Ok(());
        }
        if presence.rooms.len() >= limit {
            return Err(RoomError::TooMany { limit }.into());
        }
        let name: Arc<str> = name.into();
        let mut rooms = self.local.rooms_mut();
        let room = rooms.entry(Arc::clone(&name)).or_insert_with(|| {
            self.transport.opened(&name);
            Arc::default()
        });
        members(room).insert(session.id(), session.clone());
        presence.rooms.insert(name);
        Ok(())
    }

    fn leave(&self, session: &WebsocketSession, name: &str) {
        if session.belongings().presence().rooms.remove(name) {
            self.remove(session, name);
        }
    }

    /// Takes a connection that has ended out of all its rooms, and lets it into no other.
    pub(super) fn leave_all(&self, session: &WebsocketSession) {
        let left = {
            let mut presence = session.belongings().presence();
            presence.has_left = true;
            std::mem::take(&mut presence.rooms)
        };
        for name in left {
            self.remove(session, &name);
        }
    }

    fn remove(&self, session: &WebsocketSession, name: &str) {
        let mut rooms = self.local.rooms_mut();
        let Some(room) = rooms.get(name) else { return };
        let is_empty = {
            let mut members = members(room);
            members.remove(&session.id());
            members.is_empty()
        };
        if is_empty {
            rooms.remove(name);
            self.transport.closed(name);
        }
    }
}

/// One room: those who are in it now.
pub struct Room<'r> {
    rooms: &'r Rooms,
    name: &'r str,
}

impl Room<'_> {
    /// The room's name.
    pub fn name(&self) -> &str {
        self.name
    }

    /// Sends a text message to everyone in the room; never waits.
    ///
    /// A member that leaves so much unread that its queue is full is closed with code 1013, which the log says:
    /// the others are not to wait for it, and it is not to miss a message without knowing.
    pub fn send_text(&self, text: impl Into<String>) {
        self.send(RoomMessage::text(text));
    }

    /// Sends a binary message to everyone in the room, as [`send_text`](Room::send_text) does.
    pub fn send_binary(&self, bytes: impl Into<Bytes>) {
        self.send(RoomMessage::binary(bytes));
    }

    fn send(&self, message: RoomMessage) {
        self.rooms.transport.publish(&self.rooms.local, self.name, message);
    }

    /// Who is in the room and connected to this process.
    pub fn members(&self) -> Vec<WebsocketSession> {
        self.rooms
            .local
            .room(self.name)
            .map_or_else(Vec::new, |room| members(&room).values().cloned().collect())
    }

    /// How many are in the room and connected to this process.
    pub fn len(&self) -> usize {
        self.rooms.local.room(self.name).map_or(0, |room| members(&room).len())
    }

    /// Whether nobody who is connected to this process is in the room.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Carries the messages of rooms. The one that is used by default brings them to the members in this process; another
/// may bring them to those of other processes as well, over a broker.
///
/// Nothing here may wait: a transport that speaks to a broker hands the message to a task of its own.
///
/// ```
/// use vernal::websocket::{LocalRooms, RoomMessage, RoomTransport};
///
/// struct Counting(std::sync::atomic::AtomicU64);
///
/// impl RoomTransport for Counting {
///     fn publish(&self, local: &LocalRooms, room: &str, message: RoomMessage) {
///         self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
///         local.deliver(room, &message);
///     }
/// }
///
/// let app = vernal::App::builder().room_transport(Counting(0.into())).build()?;
/// # Ok::<(), vernal::Error>(())
/// ```
pub trait RoomTransport: Send + Sync + 'static {
    /// Called once, before anything else: where messages from elsewhere are to be delivered.
    fn start(&self, local: LocalRooms) {
        let _ = local;
    }

    /// Somebody of this process is in this room, where nobody was before. Must not call back.
    fn opened(&self, room: &str) {
        let _ = room;
    }

    /// Nobody of this process is in this room any more. Must not call back.
    fn closed(&self, room: &str) {
        let _ = room;
    }

    /// Brings the message to everyone in the room; to those of this process by [`LocalRooms::deliver`].
    fn publish(&self, local: &LocalRooms, room: &str, message: RoomMessage);
}

/// The transport that goes no further than this process.
pub(crate) struct InProcess;

impl RoomTransport for InProcess {
    fn publish(&self, local: &LocalRooms, room: &str, message: RoomMessage) {
        local.deliver(room, &message);
    }
}

/// The members of rooms that are connected to this process. Cheap to clone.
#[derive(Clone)]
pub struct LocalRooms(Arc<Local>);

type Members = Mutex<HashMap<u64, WebsocketSession>>;

struct Local {
    rooms: RwLock<HashMap<Arc<str>, Arc<Members>>>,
    limit: usize,
    name_limit: usize,
}

impl LocalRooms {
    /// Sends a message to the members in this process. All of them see the messages of a room in the same order. It is
    /// compressed once for all that agreed on the same compression without a context that is kept.
    pub fn deliver(&self, room: &str, message: &RoomMessage) {
        let Some(found) = self.room(room) else { return };
        let mut slow = Vec::new();
        let mut shared = Compressions::default();
        for session in members(&found).values() {
            let sent = session.try_send_shared(message.is_text, &message.bytes, &mut shared);
            if sent == Err(SendError::Full) {
                slow.push(session.clone());
            }
        }
        for session in slow {
            tracing::warn!(room, session = session.id(), "a member of a room reads too slowly and is closed");
            session.close_now(1013, "too slow for its room");
        }
    }

    fn room(&self, name: &str) -> Option<Arc<Members>> {
        self.rooms().get(name).cloned()
    }

    fn rooms(&self) -> RwLockReadGuard<'_, HashMap<Arc<str>, Arc<Members>>> {
        self.0.rooms.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn rooms_mut(&self) -> RwLockWriteGuard<'_, HashMap<Arc<str>, Arc<Members>>> {
        self.0.rooms.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn members(room: &Members) -> MutexGuard<'_, HashMap<u64, WebsocketSession>> {
    room.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A message to a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomMessage {
    is_text: bool,
    bytes: Bytes,
}

impl RoomMessage {
    /// A text message.
    pub fn text(text: impl Into<String>) -> Self {
        RoomMessage { is_text: true, bytes: Bytes::from(text.into()) }
    }

    /// A binary message.
    pub fn binary(bytes: impl Into<Bytes>) -> Self {
        RoomMessage { is_text: false, bytes: bytes.into() }
    }

    /// The text; none of a binary message.
    pub fn as_text(&self) -> Option<&str> {
        self.is_text.then(|| std::str::from_utf8(&self.bytes).unwrap_or_default())
    }

    /// The bytes, those of a text as well.
    pub fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// Why a connection was not let into a room.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RoomError {
    /// It is in as many as it may be: [`Limits::websocket_rooms`](crate::Limits::websocket_rooms).
    TooMany {
        /// How many that are.
        limit: usize,
    },
    /// The name has too many bytes: [`Limits::websocket_room_name`](crate::Limits::websocket_room_name).
    NameTooLong {
        /// How many it has.
        length: usize,
        /// How many it may have.
        limit: usize,
    },
}

impl fmt::Display for RoomError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RoomError::TooMany { limit } => {
                write!(f, "a connection may be in {limit} rooms, and is in as many")
            }
            RoomError::NameTooLong { length, limit } => {
                write!(f, "the name of a room may have {limit} bytes, this one has {length}")
            }
        }
    }
}

impl std::error::Error for RoomError {}

impl WebsocketSession {
    /// The rooms of the app.
    pub fn rooms(&self) -> Option<Rooms> {
        self.request().app().map(|app| app.rooms().clone())
    }

    /// Joins a room; does nothing where the connection is in it.
    ///
    /// # Errors
    ///
    /// A [`RoomError`] for too many rooms or a name that is too long, [`SendError::Closed`] where the connection has
    /// ended.
    pub fn join(&self, room: &str) -> Result<()> {
        match self.request().app() {
            Some(app) => app.rooms().join(self, room),
            None => Err(HttpError::new(500).explain("this connection belongs to no app").into()),
        }
    }

    /// Leaves a room; does nothing where the connection is not in it.
    pub fn leave(&self, room: &str) {
        if let Some(app) = self.request().app() {
            app.rooms().leave(self, room);
        }
    }

    /// The rooms that the connection is in, in alphabetical order.
    pub fn joined(&self) -> Vec<String> {
        self.belongings().presence().rooms.iter().map(|name| name.to_string()).collect()
    }
}

/// The rooms of the app that the request belongs to.
impl FromRequest for Rooms {
    const KIND: Kind = State::<Rooms>::KIND;

    async fn from_request(request: &Request, _: &Param) -> Result<Self> {
        let app =
            request.app().ok_or_else(|| HttpError::new(500).explain("this request belongs to no app"))?;
        Ok(app.rooms().clone())
    }
}
