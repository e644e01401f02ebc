//! Which handler takes a connection: the endpoints, apart from the routes of HTTP.

use std::collections::HashMap;
use std::sync::Arc;

use http::Method;
use tokio::sync::Semaphore;

use crate::bind::{Param, StateMap};
use crate::controller::Object;
use crate::request::{Captures, Request};
use crate::route::{Found, Location, Route, Table, TableBuilder};
use crate::websocket::blocking::Blocking;
use crate::websocket::{EventFunction, EventKind, FunctionHandler, WebsocketHandler};

/// Where the handlers of an endpoint come from.
pub enum HandlerScope {
    /// One handler for all connections.
    Shared(Arc<dyn WebsocketHandler>),
    /// A new handler for each connection.
    PerConnection(Box<dyn Fn() -> Arc<dyn WebsocketHandler> + Send + Sync>),
}

impl HandlerScope {
    /// The handlers that an object of the app is, or that are made for each connection.
    pub fn of<T: WebsocketHandler>(object: Object<T>) -> Self {
        match object {
            Object::Singleton(object) => HandlerScope::Shared(object),
            Object::PerRequest(make) => HandlerScope::PerConnection(Box::new(move || Arc::new(make()))),
        }
    }
}

/// The endpoints of an app, checked and indexed.
pub(crate) struct Endpoints {
    table: Table,
    handlers: Vec<Arc<HandlerScope>>,
    leave: Arc<Semaphore>,
    prefer_coroutine: bool,
}

/// The number of an endpoint in the table of endpoints.
pub(crate) type EndpointId = crate::route::MappingId;

impl Endpoints {
    pub(crate) fn is_empty(&self) -> bool {
        self.handlers.is_empty()
    }

    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    pub(super) fn may_block(&self, handler: &dyn WebsocketHandler, event: EventKind) -> bool {
        !self.prefer_coroutine && handler.may_block(event)
    }

    /// Finds the endpoint for the path, and notes what its pattern captured.
    ///
    /// None as well where the target is refused: the journey over HTTP says so.
    pub(crate) fn find(&self, request: &mut Request) -> Option<EndpointId> {
        if request.uri().path().len() + request.query().len() > request.limits().target_bytes {
            return None;
        }
        request.decode_path().ok()?;
        let Found::Slot(candidates) = self.table.find(&Method::GET, request.path()) else { return None };
        let mut chosen = candidates.iter().filter(|(_, params, headers)| {
            let by_params = params.is_empty() || request.params().is_ok_and(|found| params.matches(found));
            by_params && headers.matches(&request.headers)
        });
        let (id, ..) = chosen.next()?;
        let (values, groups) = (candidates.values, candidates.groups.into_vec());
        request.set_captures(Captures { mapping: Some(id), is_endpoint: true, values, groups });
        Some(id)
    }

    /// The handler for a new connection.
    pub(super) fn handler(&self, id: EndpointId) -> Arc<dyn WebsocketHandler> {
        let handler = match &*self.handlers[id as usize] {
            HandlerScope::Shared(handler) => Arc::clone(handler),
            HandlerScope::PerConnection(make) => make(),
        };
        match EVENTS.iter().any(|event| self.may_block(&*handler, *event)) {
            true => Arc::new(Blocking::new(handler, Arc::clone(&self.leave))),
            false => handler,
        }
    }
}

/// The events that happen on an open connection.
const EVENTS: [EventKind; 7] = [
    EventKind::Open,
    EventKind::TextMessage,
    EventKind::BinaryMessage,
    EventKind::BinaryFrame,
    EventKind::PingMessage,
    EventKind::PongMessage,
    EventKind::Close,
];

/// What was declared, before the app is built.
#[derive(Default)]
pub(crate) struct EndpointsBuilder {
    handlers: Vec<(usize, HandlerEntry)>,
    functions: Vec<(usize, FunctionEntry)>,
}

/// A handler with its endpoints.
pub(crate) struct HandlerEntry {
    pub(crate) routes: Vec<Route>,
    pub(crate) location: Option<Location>,
    pub(crate) scope: HandlerScope,
    pub(crate) params: Vec<&'static [Param]>,
}

/// A function for one event, with its endpoints.
pub(crate) struct FunctionEntry {
    pub(crate) routes: Vec<Route>,
    pub(crate) location: Location,
    pub(crate) may_block: bool,
    pub(crate) params: &'static [Param],
    pub(crate) function: EventFunction,
}

/// The functions of one endpoint, with what each was declared for.
struct Joined {
    place: usize,
    route: Route,
    location: Location,
    handler: FunctionHandler,
    events: Vec<(EventKind, Location)>,
}

impl EndpointsBuilder {
    pub(crate) fn handler(&mut self, entry: HandlerEntry) {
        self.handlers.push((self.len(), entry));
    }

    pub(crate) fn function(&mut self, entry: FunctionEntry) {
        self.functions.push((self.len(), entry));
    }

    /// How many were declared so far, which is the next one's place.
    fn len(&self) -> usize {
        self.handlers.len() + self.functions.len()
    }

    /// Joins the functions of each endpoint, compiles the patterns and finds what collides.
    pub(crate) fn build(
        self,
        mut table: TableBuilder<'_>,
        leave: &Arc<Semaphore>,
        prefer_coroutine: bool,
        state: &StateMap,
        mistakes: &mut Vec<String>,
    ) -> Endpoints {
        table.for_websockets();
        let mut endpoints = Vec::new();
        for (place, HandlerEntry { routes, location, scope, params }) in self.handlers {
            for params in params {
                crate::app::check_state(params, state, location, mistakes);
            }
            let scope = Arc::new(scope);
            endpoints.extend(routes.into_iter().map(|route| (place, route, location, Arc::clone(&scope))));
        }
        for (_, function) in &self.functions {
            crate::app::check_state(function.params, state, Some(function.location), mistakes);
        }
        for Joined { place, route, location, handler, .. } in join(self.functions, mistakes) {
            let scope = HandlerScope::Shared(Arc::new(handler));
            endpoints.push((place, route, Some(location), Arc::new(scope)));
        }
        // where the order of declaration counts, it does so for handlers and functions together
        endpoints.sort_by_key(|(place, ..)| *place);
        let mut handlers = Vec::with_capacity(endpoints.len());
        for (_, route, location, scope) in endpoints {
            table.add(&route, location);
            handlers.push(scope);
        }
        let table = table.build().unwrap_or_else(|found| {
            mistakes.extend(found);
            Table::default()
        });
        Endpoints { table, handlers, leave: Arc::clone(leave), prefer_coroutine }
    }
}

/// One handler for the functions of each endpoint, in the order of the sources.
fn join(functions: Vec<(usize, FunctionEntry)>, mistakes: &mut Vec<String>) -> Vec<Joined> {
    let mut joined: Vec<Joined> = Vec::new();
    let mut known: HashMap<(bool, String), usize> = HashMap::new();
    for (place, FunctionEntry { routes, location, may_block, function, .. }) in functions {
        for route in routes {
            let at = *known.entry(route.target_key()).or_insert(joined.len());
            if at == joined.len() {
                joined.push(Joined {
                    place,
                    route: route.clone(),
                    location,
                    handler: FunctionHandler::default(),
                    events: Vec::new(),
                });
            }
            let endpoint = &mut joined[at];
            let event = function.kind();
            if let Some((_, first)) = endpoint.events.iter().find(|(known, _)| *known == event) {
                mistakes.push(format!(
                    "{first} and {location} are both {} of the WebSocket endpoint {}: remove one of them",
                    event.method(),
                    route.target_text()
                ));
                continue;
            }
            endpoint.events.push((event, location));
            endpoint.handler.add(function, may_block);
            let name = endpoint.handler.name_mut();
            let separator = if name.is_empty() { "" } else { ", " };
            name.push_str(&format!("{separator}{}::{}", location.module, location.function));
        }
    }
    joined
}
