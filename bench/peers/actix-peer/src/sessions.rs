//! actix-session brings stores for cookies and Redis; this is the one in memory, the shortest its trait allows.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_session::storage::{
    LoadError, SaveError, SessionKey, SessionStore, UpdateError, generate_session_key,
};
use actix_web::cookie::time::Duration;
use anyhow::Error;

type Values = HashMap<String, String>;

#[derive(Clone, Default)]
pub struct MemorySessions(Arc<Mutex<HashMap<String, Values>>>);

impl MemorySessions {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Values>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionStore for MemorySessions {
    async fn load(&self, key: &SessionKey) -> Result<Option<Values>, LoadError> {
        Ok(self.all().get(key.as_ref()).cloned())
    }

    async fn save(&self, values: Values, _: &Duration) -> Result<SessionKey, SaveError> {
        let key = generate_session_key();
        self.all().insert(key.as_ref().to_owned(), values);
        Ok(key)
    }

    async fn update(&self, key: SessionKey, values: Values, _: &Duration) -> Result<SessionKey, UpdateError> {
        self.all().insert(key.as_ref().to_owned(), values);
        Ok(key)
    }

    async fn update_ttl(&self, _: &SessionKey, _: &Duration) -> Result<(), Error> {
        Ok(())
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), Error> {
        self.all().remove(key.as_ref());
        Ok(())
    }
}
