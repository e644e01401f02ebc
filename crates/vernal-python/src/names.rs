//! The Python classes that the engine makes objects of or recognises, looked up once.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// The classes of the package `simple_http_server` that a request meets.
pub(crate) struct Names {
    pub(crate) parameter: Py<PyType>,
    pub(crate) parameters: Py<PyType>,
    pub(crate) header: Py<PyType>,
    pub(crate) headers: Py<PyType>,
    pub(crate) path_value: Py<PyType>,
    pub(crate) reg_group: Py<PyType>,
    pub(crate) reg_groups: Py<PyType>,
    pub(crate) bytes_body: Py<PyType>,
    pub(crate) json_body: Py<PyType>,
    pub(crate) model_dict: Py<PyType>,
    pub(crate) base_cookie: Py<PyType>,
    pub(crate) static_file: Py<PyType>,
    pub(crate) redirect: Py<PyType>,
    pub(crate) response: Py<PyType>,
    pub(crate) http_error: Py<PyType>,
    pub(crate) live_request: Py<PyType>,
    pub(crate) live_response: Py<PyType>,
    /// `_flow.run(visit, controller, filters)`: the steps of a request as a coroutine.
    pub(crate) flow: Py<PyAny>,
    /// `_flow.bind(visit, argument)`: binds one argument by its class.
    pub(crate) bind: Py<PyAny>,
    /// `_flow.failed(exception)`: logs it once, with its traceback.
    pub(crate) failed: Py<PyAny>,
    /// `_event_loop.contained(coroutine)`: the same, without the exceptions that end a loop.
    pub(crate) contained: Py<PyAny>,
    /// `_event_loop.run_to_end(loop, coroutine)`: runs it, and leaves nothing of it behind in the loop.
    pub(crate) run_to_end: Py<PyAny>,
    /// `_event_loop.cancel_left(loop)`: cancels the tasks that have not ended.
    pub(crate) cancel_left: Py<PyAny>,
    /// `_event_loop.nothing()`: a coroutine that does nothing.
    pub(crate) nothing: Py<PyAny>,
    /// `_event_loop.may_wait(code)`: whether there is an `await` in a function, or the like.
    pub(crate) may_wait: Py<PyAny>,
    /// `_event_loop.kept(function, file, line, milliseconds)`: logs who has kept the loop.
    pub(crate) kept_loop: Py<PyAny>,
    /// `_event_loop.blocks(thread)`: logs what keeps the loop of this thread.
    pub(crate) blocks_loop: Py<PyAny>,
    /// `str.__new__`.
    pub(crate) new_text: Py<PyAny>,
    pub(crate) dumps: Py<PyAny>,
    pub(crate) loads: Py<PyAny>,
    pub(crate) int: Py<PyAny>,
    pub(crate) float: Py<PyAny>,
}

impl Names {
    /// The classes; imported on first use.
    pub(crate) fn get(py: Python<'_>) -> PyResult<&'static Names> {
        static NAMES: PyOnceLock<Names> = PyOnceLock::new();
        NAMES.get_or_try_init(py, || Names::import(py))
    }

    /// The type of what an `async def` function returns.
    pub(crate) fn coroutine(py: Python<'_>) -> &Bound<'_, PyType> {
        static COROUTINE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        let found = COROUTINE.import(py, "types", "CoroutineType");
        found.unwrap_or_else(|_| unreachable!("the module `types` is a part of Python"))
    }

    fn import(py: Python<'_>) -> PyResult<Names> {
        let models = py.import("simple_http_server.models.basic_models")?;
        let live = py.import("simple_http_server._live")?;
        let flow = py.import("simple_http_server._flow")?;
        let event_loop = py.import("simple_http_server._event_loop")?;
        let json = py.import("json")?;
        let builtins = py.import("builtins")?;
        let class = |module: &Bound<'_, PyModule>, name: &str| -> PyResult<Py<PyType>> {
            Ok(module.getattr(name)?.cast_into::<PyType>()?.unbind())
        };
        let value = |module: &Bound<'_, PyModule>, name: &str| -> PyResult<Py<PyAny>> {
            Ok(module.getattr(name)?.unbind())
        };
        Ok(Names {
            parameter: class(&models, "Parameter")?,
            parameters: class(&models, "Parameters")?,
            header: class(&models, "Header")?,
            headers: class(&models, "Headers")?,
            path_value: class(&models, "PathValue")?,
            reg_group: class(&models, "RegGroup")?,
            reg_groups: class(&models, "RegGroups")?,
            bytes_body: class(&models, "BytesBody")?,
            json_body: class(&models, "JSONBody")?,
            model_dict: class(&models, "ModelDict")?,
            base_cookie: class(&py.import("http.cookies")?, "BaseCookie")?,
            static_file: class(&models, "StaticFile")?,
            redirect: class(&models, "Redirect")?,
            response: class(&models, "Response")?,
            http_error: class(&models, "HttpError")?,
            live_request: class(&live, "LiveRequest")?,
            live_response: class(&live, "LiveResponse")?,
            flow: value(&flow, "run")?,
            bind: value(&flow, "bind")?,
            failed: value(&flow, "failed")?,
            contained: value(&event_loop, "contained")?,
            run_to_end: value(&event_loop, "run_to_end")?,
            cancel_left: value(&event_loop, "cancel_left")?,
            nothing: value(&event_loop, "nothing")?,
            may_wait: value(&event_loop, "may_wait")?,
            kept_loop: value(&event_loop, "kept")?,
            blocks_loop: value(&event_loop, "blocks")?,
            new_text: builtins.getattr("str")?.getattr("__new__")?.unbind(),
            dumps: value(&json, "dumps")?,
            loads: value(&json, "loads")?,
            int: value(&builtins, "int")?,
            float: value(&builtins, "float")?,
        })
    }
}
