//! The simulator as a command.

use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;

use contact_sink_sandbox::{DEFAULT_TOML, Sandbox, World};

use crate::args;
use crate::console::say;
use crate::exit_status::{Failure, Status};
use crate::files::SharedFile;
use crate::sync::Signals;

/// Runs the simulator until it is interrupted.
pub async fn run(args: args::Sandbox) -> Result<Status, Failure> {
    if args.print_world {
        // Whoever closes the pipe has read enough.
        let _ = std::io::stdout().lock().write_all(DEFAULT_TOML.as_bytes());
        return Ok(Status::Done);
    }
    let world = match &args.world {
        None => World::default(),
        Some(path) => {
            let name = path.display();
            let text = fs::read_to_string(path)
                .map_err(|error| Failure::config(format!("{name}: cannot be read: {error}")))?;
            World::from_toml(&text).map_err(|error| Failure::config(format!("{name}: {error}")))?
        }
    };
    let logins: Vec<String> = world.logins().into_iter().map(|(vendor, login)| format!("{vendor}: {login}")).collect();
    let started = if args.tls { start_tls(world, args.listen)? } else { Sandbox::start_at(world, args.listen) };
    let sandbox = started.map_err(|error| Failure::usage(format!("--listen {}: {error}", args.listen)))?;
    if let Some(pem) = sandbox.root_pem() {
        let root = args.root.display();
        SharedFile::at(&args.root)
            .and_then(|file| file.write(pem).map_err(|error| format!("it cannot be written: {error}")))
            .map_err(|problem| Failure::usage(format!("--root {root}: {problem}")))?;
        say!("extra_root = \"{root}\" in a destination trusts its certificate");
    }
    let _ = writeln!(std::io::stdout().lock(), "{}", sandbox.base_url());
    say!(
        "base_url = \"{0}\"; {1}; see {0}/_sandbox/state and {0}/_sandbox/requests, and POST to {0}/_sandbox/faults what is to go wrong; end it with Ctrl-C or SIGTERM",
        sandbox.base_url(),
        logins.join("; ")
    );
    Signals::listen()
        .one()
        .await
        .map_err(|error| Failure::new(Status::Stopped, format!("signals cannot be received: {error}")))?;
    sandbox.shutdown().await;
    Ok(Status::Done)
}

#[cfg(feature = "sandbox-tls")]
fn start_tls(world: World, address: SocketAddr) -> Result<io::Result<Sandbox>, Failure> {
    Ok(Sandbox::start_tls(world, address))
}

#[cfg(not(feature = "sandbox-tls"))]
fn start_tls(_: World, _: SocketAddr) -> Result<io::Result<Sandbox>, Failure> {
    Err(Failure::usage("--tls: this build has no TLS for the simulator: build it with --features sandbox-tls"))
}
