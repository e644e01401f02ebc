//! The attributes of vernal.
