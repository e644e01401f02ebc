//! What a client must not do.

/// Why a connection has to be failed: a close code (RFC 6455 section 7.4.1) and the reason that goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) code: u16,
    pub(crate) reason: &'static str,
}

impl Violation {
    /// The protocol was not followed: 1002.
    pub(crate) const fn protocol(reason: &'static str) -> Self {
        Violation { code: 1002, reason }
    }

    /// A payload is not what its kind of message promises: 1007.
    pub(crate) const fn payload(reason: &'static str) -> Self {
        Violation { code: 1007, reason }
    }

    /// A use that is within the protocol and still not accepted: 1008.
    pub(crate) const fn policy(reason: &'static str) -> Self {
        Violation { code: 1008, reason }
    }

    /// More than a limit allows: 1009.
    pub(crate) const fn too_big(reason: &'static str) -> Self {
        Violation { code: 1009, reason }
    }
}
