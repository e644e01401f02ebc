//! Requests to controllers: patterns, conditions, the table.
