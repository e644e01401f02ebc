//! What a connection has beside its messages: values of the application, and the rooms it is in.

use std::any::{Any, TypeId};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::websocket::WebsocketSession;

/// What belongs to one connection.
#[derive(Default)]
pub(crate) struct Belongings {
    attached: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
    rooms: Mutex<Presence>,
}

/// The rooms that a connection is in.
#[derive(Default)]
pub(super) struct Presence {
    pub(super) rooms: BTreeSet<Arc<str>>,
    /// The connection has ended: nobody would take it out of a room again.
    pub(super) has_left: bool,
}

impl Belongings {
    pub(super) fn presence(&self) -> MutexGuard<'_, Presence> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attached(&self) -> MutexGuard<'_, HashMap<TypeId, Arc<dyn Any + Send + Sync>>> {
        self.attached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WebsocketSession {
    /// Attaches a value to the connection, one of each type; the one that was there before is given back.
    ///
    /// This is where a handler that serves all connections keeps what belongs to one of them.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use vernal::websocket::WebsocketSession;
    ///
    /// #[derive(Default)]
    /// struct Received(AtomicU32);
    ///
    /// async fn open(session: &WebsocketSession) {
    ///     session.attach(Received::default());
    /// }
    ///
    /// async fn text(session: &WebsocketSession) -> vernal::Result<()> {
    ///     let Some(received) = session.attached::<Received>() else { return Ok(()) };
    ///     let count = received.0.fetch_add(1, Ordering::Relaxed) + 1;
    ///     session.send_text(format!("{count} messages so far")).await
    /// }
    /// ```
    pub fn attach<T: Send + Sync + 'static>(&self, value: T) -> Option<Arc<T>> {
        let before = self.belongings().attached().insert(TypeId::of::<T>(), Arc::new(value));
        before.and_then(|value| value.downcast().ok())
    }

    /// The value of this type that was attached to the connection.
    pub fn attached<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let value = self.belongings().attached().get(&TypeId::of::<T>()).cloned();
        value.and_then(|value| value.downcast().ok())
    }

    /// Takes the value of this type off the connection.
    pub fn detach<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let value = self.belongings().attached().remove(&TypeId::of::<T>());
        value.and_then(|value| value.downcast().ok())
    }
}
