//! What the attributes declared, found again at start.

use std::borrow::Cow;

use regex::Regex;

use crate::app::Builder;
use crate::controller::{Answer, Controller, Objects};
use crate::filter::{Filter, FilterEntry, FilterPattern};
use crate::request::Request;
use crate::respond::{ErrorInfo, ErrorPageEntry};
use crate::route::{Location, Route};
#[cfg(feature = "websocket")]
use crate::{
    bind::Param,
    websocket::endpoint::{FunctionEntry, HandlerEntry},
    websocket::{EventFunction, HandlerScope},
};

/// One declaration of an attribute, registered when the program is linked.
pub enum Declaration {
    /// `#[route]`, also inside `#[controller]`.
    Route(RouteDeclaration),
    /// `#[request_filter]`.
    Filter(FilterDeclaration),
    /// `#[error_message]`.
    ErrorPage(ErrorPageDeclaration),
    /// `#[websocket_handler]`.
    #[cfg(feature = "websocket")]
    WebsocketHandler(WebsocketHandlerDeclaration),
    /// `#[websocket_handshake]`, `#[websocket_open]`, `#[websocket_message]`, `#[websocket_close]`.
    #[cfg(feature = "websocket")]
    WebsocketFunction(WebsocketFunctionDeclaration),
}

inventory::collect!(Declaration);

/// A controller function with its routes.
pub struct RouteDeclaration {
    /// Where it stands.
    pub location: Location,
    /// The app it belongs to; empty for the default one.
    pub app: &'static str,
    /// Its routes.
    pub routes: fn() -> Vec<Route>,
    /// Makes the controller, with the objects of the app for methods.
    pub controller: fn(&mut Objects) -> Box<dyn Controller>,
}

/// A filter function with its patterns.
pub struct FilterDeclaration {
    /// Where it stands.
    pub location: Location,
    /// The app it belongs to; empty for the default one.
    pub app: &'static str,
    /// The paths it stands before.
    pub patterns: fn() -> Vec<FilterPattern>,
    /// Smaller ones run first; those without one run last.
    pub order: Option<i32>,
    /// Makes the filter.
    pub filter: fn() -> Box<dyn Filter>,
}

/// An error page with its codes.
pub struct ErrorPageDeclaration {
    /// Where it stands.
    pub location: Location,
    /// The app it belongs to; empty for the default one.
    pub app: &'static str,
    /// `404`, `40x`, `4xx`; none or `*` for all.
    pub codes: &'static [&'static str],
    /// Renders the page.
    pub page: for<'r> fn(&'r ErrorInfo, &'r Request) -> Answer<'r>,
}

/// A WebSocket handler with its endpoints.
#[cfg(feature = "websocket")]
pub struct WebsocketHandlerDeclaration {
    /// Where it stands.
    pub location: Location,
    /// The app it belongs to; empty for the default one.
    pub app: &'static str,
    /// Its endpoints.
    pub routes: fn() -> Vec<Route>,
    /// The arguments of its methods, as data.
    pub params: &'static [&'static [Param]],
    /// Makes the handler, with the objects of the app.
    pub handler: fn(&mut Objects) -> HandlerScope,
}

/// A function for one event of WebSocket connections, with its endpoints.
#[cfg(feature = "websocket")]
pub struct WebsocketFunctionDeclaration {
    /// Where it stands.
    pub location: Location,
    /// The app it belongs to; empty for the default one.
    pub app: &'static str,
    /// Its endpoints.
    pub routes: fn() -> Vec<Route>,
    /// Its arguments, as data.
    pub params: &'static [Param],
    /// Whether it may block its thread.
    pub may_block: bool,
    /// The function.
    pub function: EventFunction,
}

impl Declaration {
    fn location(&self) -> &Location {
        match self {
            Declaration::Route(route) => &route.location,
            Declaration::Filter(filter) => &filter.location,
            Declaration::ErrorPage(page) => &page.location,
            #[cfg(feature = "websocket")]
            Declaration::WebsocketHandler(handler) => &handler.location,
            #[cfg(feature = "websocket")]
            Declaration::WebsocketFunction(function) => &function.location,
        }
    }

    fn app(&self) -> &'static str {
        match self {
            Declaration::Route(route) => route.app,
            Declaration::Filter(filter) => filter.app,
            Declaration::ErrorPage(page) => page.app,
            #[cfg(feature = "websocket")]
            Declaration::WebsocketHandler(handler) => handler.app,
            #[cfg(feature = "websocket")]
            Declaration::WebsocketFunction(function) => function.app,
        }
    }
}

/// Which modules are searched; all that are linked in, if nothing is said.
#[derive(Default)]
pub(crate) struct Scan {
    modules: Vec<Cow<'static, str>>,
    expressions: Vec<Regex>,
    /// Whether no module is searched at all.
    is_off: bool,
}

impl Scan {
    /// Finds nothing.
    pub(crate) fn off() -> Self {
        Scan { is_off: true, ..Scan::default() }
    }

    pub(crate) fn module(&mut self, path: impl Into<Cow<'static, str>>) {
        self.modules.push(path.into());
    }

    pub(crate) fn matching(&mut self, expression: &str) -> Result<(), String> {
        let expression = Regex::new(expression).map_err(|error| format!("scan_matching: {error}"))?;
        self.expressions.push(expression);
        Ok(())
    }

    fn takes(&self, module: &str) -> bool {
        let inside = |path: &str| {
            module.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        (self.modules.is_empty() && self.expressions.is_empty() && !self.is_off)
            || self.modules.iter().any(|path| inside(path))
            || self.expressions.iter().any(|expression| expression.is_match(module))
    }

    /// Adds what was declared for this app to the builder, in the order of the sources; link order settles nothing.
    pub(crate) fn collect(&self, app: &str, mut builder: Builder) -> Builder {
        for path in &self.modules {
            let known = inventory::iter::<Declaration>.into_iter();
            if !known.into_iter().any(|found| {
                Scan { modules: vec![path.clone()], ..Scan::default() }.takes(found.location().module)
            }) {
                builder.mistake(format!(
                    "scan({path:?}): no controller is declared in this module; is the path right, and its crate used?"
                ));
            }
        }
        let mut found: Vec<&Declaration> = inventory::iter::<Declaration>
            .into_iter()
            .filter(|declaration| declaration.app() == app && self.takes(declaration.location().module))
            .collect();
        found.sort_by_key(|declaration| {
            let location = declaration.location();
            (location.module, location.line, location.function)
        });
        found.into_iter().fold(builder, declare)
    }
}

fn declare(mut builder: Builder, declaration: &Declaration) -> Builder {
    match declaration {
        Declaration::Route(route) => {
            let controller = (route.controller)(builder.objects());
            builder.declare_route((route.routes)(), Some(route.location), controller.into())
        }
        Declaration::Filter(filter) => builder.declare_filter(FilterEntry {
            patterns: (filter.patterns)(),
            order: filter.order,
            location: Some(filter.location),
            filter: (filter.filter)(),
        }),
        Declaration::ErrorPage(page) => builder.declare_error_page(ErrorPageEntry {
            codes: page.codes.iter().map(|code| (*code).to_owned()).collect(),
            location: Some(page.location),
            page: Box::new(page.page),
        }),
        #[cfg(feature = "websocket")]
        Declaration::WebsocketHandler(handler) => {
            let scope = (handler.handler)(builder.objects());
            builder.declare_websocket_handler(HandlerEntry {
                routes: (handler.routes)(),
                location: Some(handler.location),
                scope,
                params: handler.params.to_vec(),
            })
        }
        #[cfg(feature = "websocket")]
        Declaration::WebsocketFunction(function) => builder.declare_websocket_function(FunctionEntry {
            routes: (function.routes)(),
            location: function.location,
            may_block: function.may_block,
            params: function.params,
            function: function.function,
        }),
    }
}
