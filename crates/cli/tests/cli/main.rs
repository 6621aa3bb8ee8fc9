//! The command as its users run it: a child process, files, a simulator of the vendor, and what comes out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub)]

mod bad_input;
mod changed_input;
mod changed_only;
mod dead_letters;
mod destinations;
mod explain;
mod friends;
mod journal;
mod limits;
mod runs;
mod samples;
mod sandbox;
mod stops;
mod support;
mod surroundings;
mod taken_up;
mod values;
mod vendors;
mod watch;
