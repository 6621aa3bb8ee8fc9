//! End-to-end tests over all crates live in `tests/`; this library is empty on purpose.
