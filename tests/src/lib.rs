//! End-to-end tests over all crates are in `tests/`; this library has the programs of the README, which are compiled as tests.

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
