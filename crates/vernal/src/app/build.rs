//! What was declared, checked and frozen.

use std::sync::Arc;

use http::HeaderValue;
use tokio::sync::Semaphore;

use crate::app::builder::RouteEntry;
use crate::app::file_controller::FileController;
use crate::app::{App, Builder, Shared, Target};
use crate::bind::{Kind, Param, StateMap};
use crate::error::StartErrorKind;
use crate::filter::Filters;
#[cfg(feature = "compression")]
use crate::respond::Compression;
use crate::respond::{ErrorPages, FileCache};
use crate::route::{Location, MappingId, TableBuilder};
use crate::session::MemorySessions;
use crate::{Error, Result};

impl Builder {
    /// Checks everything and freezes it.
    ///
    /// # Errors
    ///
    /// All mistakes together, a line each, with function, file and line where they are known: bad patterns, routes
    /// that could both take a request, a `State` that no one manages, two error pages for one code.
    pub fn build(#[cfg_attr(not(feature = "websocket"), expect(unused_mut))] mut self) -> Result<App> {
        #[cfg(feature = "websocket")]
        let rooms = self.open_rooms();
        let mut mistakes = self.mistakes;
        let new_table = || {
            let mut table = TableBuilder::new();
            table.precedence(self.precedence).regexp_fallback(self.regexp_fallback.as_ref());
            if let Some(allowed) = self.variable_characters {
                table.variable_characters(allowed);
            }
            if let Some(preferred) = self.preferred_characters {
                table.preferred_variable_characters(preferred);
            }
            table
        };
        let mut table = new_table();
        table.named_methods_only(!self.implied_methods);
        let mut targets = Vec::new();
        for RouteEntry { routes, location, controller } in self.routes {
            check_state(controller.params(), &self.state, location, &mut mistakes);
            for route in &routes {
                table.add(route, location);
                targets.push(Target::of(&controller, self.prefer_coroutine));
            }
        }
        // behind the mappings of the table, which has none for it
        let file_controller = self.file_controller.map(|FileController { takes, controller }| {
            check_state(controller.params(), &self.state, None, &mut mistakes);
            targets.push(Target::of(&controller, self.prefer_coroutine));
            FileController { takes, controller: targets.len() as MappingId - 1 }
        });
        let filters = Filters::new(self.filters, self.regexp_fallback.as_ref(), &mut mistakes);
        let mut error_pages = ErrorPages::default();
        for page in self.error_pages {
            error_pages.add(page, &mut mistakes);
        }
        let blocking = Arc::new(Semaphore::new(self.blocking_threads));
        #[cfg(feature = "websocket")]
        let endpoints = {
            mistakes.extend(self.websocket_settings.mistakes());
            self.endpoints.build(new_table(), &blocking, self.prefer_coroutine, &self.state, &mut mistakes)
        };
        let table = match table.build() {
            Ok(table) if mistakes.is_empty() => table,
            built => {
                mistakes.extend(built.err().unwrap_or_default());
                return Err(Error::start(StartErrorKind::Declaration, mistakes.join("\n")));
            }
        };
        self.session_settings.check()?;
        self.proxies.check()?;
        let server_name = self.server_name.map(server_field).transpose()?;
        #[cfg(feature = "compression")]
        let compression = self.compression.as_ref().map(Compression::check).transpose()?;
        let sessions = self.limits.sessions;
        Ok(App(Arc::new(Shared {
            table,
            targets,
            filters,
            error_pages,
            resources: self.resources,
            file_controller,
            mounts: self.mounts,
            state: self.state,
            session_store: self.session_store.unwrap_or_else(|| Box::new(MemorySessions::new(sessions))),
            session_settings: self.session_settings,
            file_cache: Arc::new(FileCache::new(self.limits.file_cache)),
            limits: self.limits,
            decoding: self.decoding,
            implied_methods: self.implied_methods,
            favicon: self.favicon,
            server_name,
            other_rules: self.other_rules,
            blocking,
            expose_errors: self.expose_errors,
            access_log: self.access_log,
            proxies: self.proxies,
            #[cfg(feature = "compression")]
            compression,
            #[cfg(feature = "compression")]
            precompressed: self.precompressed,
            #[cfg(feature = "websocket")]
            endpoints,
            #[cfg(feature = "websocket")]
            websocket_settings: self.websocket_settings,
            #[cfg(feature = "websocket")]
            rooms,
        })))
    }
}

fn server_field(name: String) -> Result<HeaderValue> {
    HeaderValue::try_from(&name).map_err(|_| {
        let mistake = format!("the server's name {name:?} cannot be the value of a field");
        Error::start(StartErrorKind::Configuration, mistake)
    })
}

/// Reports every managed value that a controller asks for and no one gave.
pub(crate) fn check_state(
    params: &[Param],
    state: &StateMap,
    location: Option<Location>,
    mistakes: &mut Vec<String>,
) {
    for param in params {
        match param.kind {
            Kind::State(name, id) if !state.contains(id) => {
                let place =
                    location.map_or_else(|| "a controller".to_owned(), |location| location.to_string());
                mistakes.push(format!(
                    "{place}: the argument {} wants a State<{}>, but the server was given none: call .manage(…)",
                    param.name,
                    name()
                ));
            }
            Kind::Model(fields) => check_state(fields, state, location, mistakes),
            _ => {}
        }
    }
}
