//! HTTP: the one folder that knows hyper.

pub(crate) mod http1;
