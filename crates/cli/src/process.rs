//! The limits of this process: no core dump, and as many open files as the system allows.

use std::num::NonZeroUsize;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::exit_status::{Failure, Status};

/// Files that are open before a run begins, if they cannot be counted.
const OPEN: usize = 16;
/// The files that the command opens later: reports, metrics, a name look-up.
const FOR_THE_COMMAND: u64 = 8;
/// The files that each destination needs: of the journal 8, of the index 6, rejected rows, and two while files are made or moved.
const FOR_A_DESTINATION: u64 = 17;
/// Those of a destination in the simulator, which has rejected rows only.
const FOR_A_SIMULATED_ONE: u64 = 3;

/// With fewer open files no command can work.
const LEAST: u64 = 16;

/// Sets the limits. It is done before anything is read.
///
/// # Errors
/// If this process may have too few open files for any command.
pub fn set_limits() -> Result<(), Failure> {
    // A core dump would have credentials and values in it.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let files = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files });
    match open_files() {
        Some(limit) if limit < LEAST => Err(too_few(limit, LEAST)),
        _ => Ok(()),
    }
}

/// How many connections each of so many destinations may have, as far as the limit of open files goes.
///
/// # Errors
/// If not one is left for each.
pub fn connections(destinations: usize, simulated: bool) -> Result<NonZeroUsize, Failure> {
    let Some(limit) = open_files() else { return Ok(NonZeroUsize::MAX) };
    let destinations = destinations as u64;
    // Both ends of a connection to the simulator are in this process.
    let (for_a_connection, for_a_destination) =
        if simulated { (2, FOR_A_SIMULATED_ONE) } else { (1, FOR_A_DESTINATION) };
    let open = std::fs::read_dir("/dev/fd").map_or(OPEN, Iterator::count) as u64;
    let reserved = open + FOR_THE_COMMAND + destinations * for_a_destination;
    let left = limit.saturating_sub(reserved) / destinations.max(1) / for_a_connection;
    NonZeroUsize::new(usize::try_from(left).unwrap_or(usize::MAX)).ok_or_else(|| {
        let least = reserved + destinations * for_a_connection;
        too_few(limit, least)
    })
}

fn too_few(limit: u64, least: u64) -> Failure {
    let problem = format!(
        "this process may have {limit} open files, and {least} are needed at least: raise the limit (ulimit -n)"
    );
    Failure::new(Status::Stopped, problem)
}

fn open_files() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}
