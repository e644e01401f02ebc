//! A controller that stands before files.

use std::sync::Arc;

use crate::app::{App, Builder};
use crate::controller::Controller;
use crate::respond::StaticFile;
use crate::route::MappingId;
use crate::{HttpError, Request};

/// What [`Builder::file_controller`] was given; the controller of an app that is built is known by its number.
pub(crate) struct FileController<C> {
    pub(crate) takes: Box<dyn Fn(&str) -> bool + Send + Sync>,
    pub(crate) controller: C,
}

impl Builder {
    /// Lets a controller answer requests for [files](Builder::resource) whose path `takes` accepts, instead of sending the
    /// files at once. It need not know whether there is one: [`Request::resource`] is the file, as long as the controller
    /// wants it sent. The path is decoded and begins with `/`.
    ///
    /// ```
    /// use vernal::testing::Client;
    /// use vernal::{App, HttpError, Request, controller};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> vernal::Result<()> {
    /// let members_only = controller::from_fn(|request: &Request| match request.cookie("member") {
    ///     Some(_) => request.resource(),
    ///     None => Err(HttpError::new(401)),
    /// });
    /// let app = App::builder()
    ///     .resource("/files/**", "files")
    ///     .file_controller(|path| path.starts_with("/files/members/"), members_only)
    ///     .build()?;
    /// assert_eq!(Client::new(app).get("/files/members/list.txt").send().await.status(), 401);
    /// # Ok(())
    /// # }
    /// ```
    pub fn file_controller(
        mut self,
        takes: impl Fn(&str) -> bool + Send + Sync + 'static,
        controller: impl Controller,
    ) -> Self {
        let controller: Arc<dyn Controller> = Arc::new(controller);
        self.file_controller = Some(FileController { takes: Box::new(takes), controller });
        self
    }
}

impl App {
    /// The controller that answers for a file at this path, if one does.
    pub(crate) fn file_controller(&self, path: &str) -> Option<MappingId> {
        let FileController { takes, controller } = self.0.file_controller.as_ref()?;
        takes(path).then_some(*controller)
    }
}

impl Request {
    /// The file of the app's [resources](Builder::resource) that the path names.
    ///
    /// # Errors
    ///
    /// 404 where there is none that may be sent.
    pub fn resource(&self) -> Result<StaticFile, HttpError> {
        let app = self.require_app()?;
        app.resources().file(self.path()).map_err(|error| app.file_error(error))
    }
}
