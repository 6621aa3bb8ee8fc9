//! Where the `contact-sink` command is: built by cargo if it is not there, whatever was built before.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::Value;

/// Names a command that is built already, for whoever measures the release build.
const COMMAND: &str = "CONTACT_SINK_FAULTS_COMMAND";

static PATH: LazyLock<PathBuf> = LazyLock::new(|| std::env::var_os(COMMAND).map_or_else(build, PathBuf::from));

/// The command's path.
pub fn path() -> &'static PathBuf {
    &PATH
}

/// Builds it as `cargo test --workspace --all-features` does, which has then nothing left to do: a build of the package alone
/// would choose other features of what it depends on, and build all of that once more.
fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).stdin(Stdio::null()).stderr(Stdio::inherit());
    command.args(["test", "--locked", "--workspace", "--all-features", "--no-run", "--test", "cli"]);
    command.args(["--quiet", "--message-format", "json"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    // What cargo has told this test of its own package would have build scripts run again.
    let own = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(own)) {
        command.env_remove(name);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "the command cannot be built: {}", output.status);
    let text = String::from_utf8(output.stdout).unwrap();
    let artifacts = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let executable = artifacts
        .filter(|artifact| artifact["target"]["name"] == "contact-sink" && artifact["target"]["kind"][0] == "bin")
        .find_map(|artifact| artifact["executable"].as_str().map(PathBuf::from));
    executable.expect("cargo names the command that it has built")
}
