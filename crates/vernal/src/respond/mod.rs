//! Values to bytes.

mod conditional;
mod content_type;
mod file;
mod range;
mod resource;

pub use file::StaticFile;
pub use resource::Resources;
