//! Bytes to a request: target, query, forms, cookies, JSON.
