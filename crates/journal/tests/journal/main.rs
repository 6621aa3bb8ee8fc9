//! Tests of a journal through the public path: what is in it after any end, and what is refused.

// Helpers are no tests, which clippy lets panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod broken;
mod codes;
mod foreign;
mod letters;
mod letters_any;
mod locks;
mod rows;
mod world;
