//! HTTP: the one folder that knows hyper.

pub(crate) mod chunks;
pub(crate) mod head;
pub(crate) mod http1;
pub(crate) mod inspect;
