//! Another app in the place of the one that a server was started with.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::app::App;

/// The app that answers instead of the first one, once there is one.
#[derive(Default)]
pub(crate) struct Replacement {
    /// Until then a request asks for no lock.
    is_there: AtomicBool,
    app: Mutex<Option<App>>,
}

impl Replacement {
    /// Puts this app in the place of the one before.
    pub(crate) fn put(&self, app: App) {
        // the one before is dropped without the lock: it may be the last that has its controllers
        let _before = self.app.lock().unwrap_or_else(PoisonError::into_inner).replace(app);
        self.is_there.store(true, Ordering::Release);
    }

    /// The app; none while it is the first one.
    pub(crate) fn get(&self) -> Option<App> {
        match self.is_there.load(Ordering::Acquire) {
            true => self.app.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            false => None,
        }
    }
}
