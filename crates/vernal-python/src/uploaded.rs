//! An uploaded file, as the package's `LiveMultipartFile` reads it.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use vernal::MultipartFile;

use crate::run::at_once;

/// An uploaded file; its content is read when it is asked for.
#[pyclass(frozen, module = "simple_http_server._engine")]
pub(crate) struct Uploaded(MultipartFile);

impl Uploaded {
    /// The package's object for a file.
    pub(crate) fn new_object<'py>(py: Python<'py>, file: &MultipartFile) -> PyResult<Bound<'py, PyAny>> {
        py.import("simple_http_server._live")?
            .getattr("LiveMultipartFile")?
            .call1((Bound::new(py, Uploaded(file.clone()))?,))
    }
}

#[pymethods]
impl Uploaded {
    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    #[getter]
    fn filename(&self) -> &str {
        self.0.filename()
    }

    #[getter]
    fn content_type(&self) -> &str {
        self.0.content_type()
    }

    #[getter]
    fn length(&self) -> u64 {
        self.0.len()
    }

    /// The whole content.
    fn read<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let content = py.detach(|| at_once(self.0.bytes()))?;
        Ok(PyBytes::new(py, &content))
    }

    /// Writes the content into a file.
    fn save_to(&self, py: Python<'_>, path: std::path::PathBuf) -> PyResult<u64> {
        Ok(py.detach(|| at_once(self.0.save_to(path)))?)
    }
}
